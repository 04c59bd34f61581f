//! Layouts: every embedded one with every number of pictures, and custom ones good and bad.

use super::*;

fn named(name: &str) -> Plan {
    Plan::load(&Layout::Named(name.into()), None).unwrap()
}

fn place(x: f64, y: f64, width: f64, height: f64, participant: Option<&str>) -> LayoutBox {
    LayoutBox { x, y, width, height, participant: participant.map(str::to_owned) }
}

#[test]
fn every_layout_shows_everybody_inside_the_picture_at_even_places() {
    let names = names();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        let plan = named(&name);
        for count in 0..=MOST_BOXES + 3 {
            let people = vec!["p"; count];
            let placed = plan.arrange(&people, None, (1280, 720));
            assert_eq!(placed.len(), count.min(MOST_BOXES), "{name} with {count}");
            for (_, r) in placed {
                assert!((r.x | r.y | r.width | r.height) & 1 == 0, "{name} with {count}: {r:?}");
                assert!(r.width > 0 && r.x + r.width <= 1280 && r.y + r.height <= 720, "{name} with {count}: {r:?}");
            }
        }
    }
}

#[test]
fn a_grid_of_three_has_its_last_row_in_the_middle() {
    let placed = named("grid").arrange(&["a", "b", "c"], None, (1280, 720));
    let rect = |x, y| Rect { x, y, width: 640, height: 360 };
    assert_eq!(placed, [(0, rect(0, 0)), (1, rect(640, 0)), (2, rect(320, 360))]);
}

#[test]
fn who_speaks_has_the_large_box() {
    let plan = named("speaker");
    let large = |first| plan.arrange(&["a", "b", "c"], first, (1280, 720))[0];
    assert_eq!((large(None).0, large(Some(2)).0, large(Some(9)).0), (0, 2, 0));
    assert_eq!(large(Some(1)).1, Rect { x: 128, y: 0, width: 1024, height: 576 });
    assert_eq!(named("grid").arrange(&["a", "b"], Some(1), (1280, 720))[0].0, 0, "others keep their places");
}

#[test]
fn custom_boxes_are_given_by_name_first_and_later_ones_lie_above() {
    let boxes = vec![place(0.0, 0.0, 1.0, 1.0, None), place(0.5, 0.5, 0.25, 0.25, Some("ann"))];
    let plan = Plan::load(&Layout::Custom(boxes), None).unwrap();
    let order = |names: &[&str]| plan.arrange(names, None, (1280, 720)).iter().map(|p| p.0).collect::<Vec<_>>();
    assert_eq!(order(&["ann", "bob", "cid"]), [1, 0], "cid has no box");
    assert_eq!(order(&["bob"]), [0]);
    assert_eq!(order(&["ann"]), [0]);
}

#[test]
fn bad_layouts_are_refused_in_words() {
    let refused = |layout: Layout| check(&layout, None).unwrap_err();
    assert!(refused(Layout::Named("mosaic".into())).contains("picture-in-picture"));
    assert!(refused(Layout::Named("../mp4".into())).contains("no layout"));
    assert!(refused(Layout::Custom(vec![])).contains("1 to 25"));
    assert!(refused(Layout::Custom(vec![place(0.0, 0.0, 0.1, 0.1, None); 26])).contains("26"));
    for (x, width) in [(0.6, 0.5), (-0.1, 0.5), (0.1, 0.0), (f64::NAN, 0.5), (0.1, f64::INFINITY)] {
        assert!(refused(Layout::Custom(vec![place(x, 0.0, width, 0.5, None)])).contains("inside"), "{x} {width}");
    }
    assert!(
        check_size(1281, 720, 25).is_err() && check_size(1280, 720, 0).is_err() && check_size(1280, 720, 25).is_ok()
    );
}
