// The server's refusals at the field they are about: it writes `field: what is wrong`. The rest goes under the form.

import { el, setText } from "./dom.js";
import { errorWords } from "./words.js";

/** Shows an error at its field, and puts the visitor there; `also` says which field other words are about. */
export function showError(form, error, also = () => null) {
  clearErrors(form);
  const [, named, words] = /^(?:bad request: |invalid: )?([a-z_]+): (.*)$/is.exec(error.message) ?? [];
  const field = form.elements[named] ? named : also(error);
  const text = field === named && words ? words.charAt(0).toUpperCase() + words.slice(1) : errorWords(error);
  const input = field && form.elements[field];
  if (!input?.labels?.length || !input.checkVisibility()) return setText(form.querySelector(".form-error"), text);
  const id = `${form.id}-${field}-error`;
  input.labels[0].after(el("p", { class: "field-error", id, role: "alert", "data-testid": `error-${field}` }, text));
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.focus();
}

/** All is well again. */
export function clearErrors(form) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  setText(form.querySelector(".form-error"), "");
}
