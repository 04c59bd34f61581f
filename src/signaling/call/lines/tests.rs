use super::*;

const A: &str = "a";
const B: &str = "b";

/// Lines, and a clock that the test moves.
struct World {
    lines: Lines<()>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self { lines: Lines::default(), now: Instant::now() }
    }

    /// As a dial does: the second of a code, or a new line.
    fn dial(&mut self, code: &str, user: &str, wish: Wish) -> Side {
        match self.lines.pair(code, wish, user, self.now) {
            Some(_) => Side::Subscriber,
            None => {
                self.lines.open(code, wish, user, self.now, |_| ());
                Side::Initiator
            }
        }
    }

    fn put_through(wish: Wish) -> Self {
        let mut world = Self::new();
        assert_eq!(world.dial("7", A, wish), Side::Initiator);
        assert_eq!(world.dial("7", B, Wish::default()), Side::Subscriber);
        world
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
    fn status(&mut self, user: &str) -> Result<Status, Refusal> {
        self.lines.status(user, self.now)
    }
    fn ice(&mut self, user: &str, text: &str) -> Result<bool, Refusal> {
        self.lines.ice(user, Opaque::new(text), self.now).map(|told| told.is_some())
    }
    fn offer(&mut self, user: &str) -> Result<bool, Refusal> {
        self.lines.offer(user, &description("o"), self.now).map(|told| told.is_some())
    }
    fn answer(&mut self, user: &str) -> Result<bool, Refusal> {
        self.lines.answer(user, &description("a"), self.now).map(|told| told.is_some())
    }
    fn line(&self) -> LineId {
        LineId(self.lines.last)
    }
}

fn description(text: &str) -> Description {
    Description { written: Opaque::new(text), sdp: Opaque::new(text) }
}

fn routes(texts: &[&str]) -> Status {
    Status::Connected(texts.iter().map(Opaque::new).collect(), None)
}

#[test]
fn from_the_first_dial_to_connected() {
    let mut world = World::new();
    world.dial("7", A, Wish::default());
    assert_eq!(world.status(A), Ok(Status::Wait));
    assert!(world.offer(A).is_err(), "nobody is there");
    world.dial("7", B, Wish::default());
    assert_eq!((world.status(A), world.status(B)), (Ok(Status::NeedInit(None)), Ok(Status::Wait)));
    assert!(world.answer(B).is_err() && world.offer(B).is_err() && world.answer(A).is_err());
    assert_eq!(world.offer(A), Ok(false));
    assert!(world.offer(A).is_err(), "once");
    let offered = Status::Offered(Opaque::new("o"), None);
    assert_eq!((world.status(A), world.status(B)), (Ok(Status::Wait), Ok(offered.clone())));
    assert_eq!(world.status(B), Ok(offered), "until it answers");
    assert_eq!(world.answer(B), Ok(false));
    assert!(world.answer(B).is_err(), "once");
    assert_eq!((world.status(B), world.status(B)), (Ok(Status::Wait), Ok(Status::Wait)));
    assert_eq!(world.status(A), Ok(Status::Answered(Opaque::new("a"), None)));
    assert_eq!((world.status(A), world.status(B)), (Ok(routes(&[])), Ok(routes(&[]))));
}

#[test]
fn candidates_of_every_state_come_once_and_in_order() {
    let mut world = World::new();
    world.dial("7", A, Wish::default());
    world.ice(A, "1").unwrap();
    world.dial("7", B, Wish::default());
    world.ice(A, "2").unwrap();
    world.ice(B, "x").unwrap();
    world.offer(A).unwrap();
    world.ice(A, "3").unwrap();
    world.answer(B).unwrap();
    world.ice(B, "y").unwrap();
    world.status(A).unwrap();
    assert_eq!(world.status(B), Ok(routes(&["1", "2", "3"])));
    assert_eq!(world.status(A), Ok(routes(&["x", "y"])));
    world.ice(A, "4").unwrap();
    assert_eq!((world.status(B), world.status(B)), (Ok(routes(&["4"])), Ok(routes(&[]))));
}

#[test]
fn no_more_candidates_wait_than_are_allowed() {
    let mut world = World::put_through(Wish::default());
    assert!((0..MAX_HELD).all(|_| world.ice(A, "c").is_ok()));
    assert_eq!(world.ice(A, "c"), Err(Refusal::TooMuch));
    assert_eq!(world.ice(B, "c"), Ok(false), "the other side has its own");
    let mut relayed = World::put_through(Wish { relay: true, record: false });
    assert!((0..MAX_HELD).all(|_| relayed.ice(A, "c") == Ok(true)));
    assert_eq!(relayed.ice(A, "c"), Err(Refusal::TooMuch));
}

#[test]
fn the_third_dialler_opens_a_line_of_its_own() {
    let mut world = World::put_through(Wish::default());
    assert_eq!(world.dial("7", "c", Wish::default()), Side::Initiator);
    assert_eq!(world.dial("7", "d", Wish::default()), Side::Subscriber);
    assert_eq!(world.status("c"), Ok(Status::NeedInit(None)));
    assert_eq!(world.dial("8", "e", Wish::default()), Side::Initiator);
    world.lines.disconnect("c", world.now).unwrap();
    assert_eq!(world.status("d"), Err(Refusal::UnknownUser));
    assert_eq!(world.status(A), Ok(Status::NeedInit(None)), "other lines stay");
}

#[test]
fn a_silent_side_drops_the_line_of_both() {
    let mut world = World::put_through(Wish::default());
    for _ in 0..3 {
        world.pass(3);
        world.status(A).unwrap();
    }
    world.pass(1);
    assert_eq!(world.status(A), Err(Refusal::UnknownUser), "the other one said nothing for 10 s");
    assert!(world.lines.lines.is_empty() && world.lines.users.is_empty());
}

#[test]
fn one_who_waits_alone_is_enough() {
    let mut world = World::new();
    world.dial("7", A, Wish::default());
    for _ in 0..20 {
        world.pass(9);
        assert_eq!(world.status(A), Ok(Status::Wait));
    }
    world.pass(10);
    assert_eq!(world.dial("7", B, Wish::default()), Side::Initiator, "who has gone is not waited for");
    assert_eq!(world.status(A), Err(Refusal::UnknownUser));
    assert_eq!(world.lines.waiting.len(), 1);
}

#[test]
fn through_the_server_its_descriptions_are_waited_for() {
    let mut world = World::put_through(Wish { relay: false, record: true });
    let ours = Some(Relayed { recorded: true });
    assert_eq!(world.status(A), Ok(Status::NeedInit(ours)));
    assert_eq!(world.offer(A), Ok(true));
    assert_eq!((world.status(A), world.status(B)), (Ok(Status::Wait), Ok(Status::Wait)));
    let line = world.line();
    world.lines.server_offered(line, Opaque::new("server's"));
    assert_eq!(world.status(B), Ok(Status::Offered(Opaque::new("server's"), ours)));
    assert_eq!(world.answer(B), Ok(true));
    assert_eq!(world.status(A), Ok(Status::Wait));
    world.lines.server_answered(line, Opaque::new("answer"));
    assert_eq!(world.status(A), Ok(Status::Answered(Opaque::new("answer"), ours)));
    world.lines.say(A, Opaque::new("word"), world.now).unwrap();
    world.lines.unrecorded(line);
    let said = Some((Relayed { recorded: false }, vec![Opaque::new("word")]));
    assert_eq!(world.status(B), Ok(Status::Connected(Vec::new(), said)));
}

#[test]
fn either_sides_wish_counts() {
    let mut world = World::new();
    world.dial("7", A, Wish::default());
    world.dial("7", B, Wish { relay: true, record: false });
    assert_eq!(world.status(A), Ok(Status::NeedInit(Some(Relayed { recorded: false }))));
    let plain = World::put_through(Wish::default()).lines.say(A, Opaque::new("w"), Instant::now());
    assert!(matches!(plain, Err(Refusal::NotNow(_))));
}
