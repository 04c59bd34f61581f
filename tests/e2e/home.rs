//! The home page, in Chromium.
