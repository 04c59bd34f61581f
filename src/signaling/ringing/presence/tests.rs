use super::*;

/// A hall with pages of these users; the time stands still until a test says otherwise.
struct Hall {
    presence: Presence,
    now: Instant,
}

impl Hall {
    fn of(logins: &[&str]) -> (Self, Vec<Sid>) {
        let mut hall = Self { presence: Presence::default(), now: Instant::now() };
        let sids = logins.iter().map(|login| hall.page(login).1).collect();
        hall.news();
        (hall, sids)
    }
    fn page(&mut self, login: &str) -> (u64, Sid) {
        let (number, sid) = (self.presence.came(), Sid::new());
        self.presence.joined(number, sid);
        self.presence.log_in(number, login).unwrap();
        (number, sid)
    }
    /// What the others are told, in order.
    fn news(&mut self) -> Vec<(String, Status, usize)> {
        std::iter::from_fn(|| self.presence.next_change())
            .map(|(status, tell)| (tell.who.to_string(), status, tell.to.len()))
            .collect()
    }
    fn ring(&mut self, sid: Sid, callee: &str) -> Result<Tell, Refusal> {
        self.presence.ring(sid, callee, self.now)
    }
    fn busy(&mut self, sid: Sid) -> Vec<Tell> {
        self.presence.set_busy(sid, true, self.now).unwrap()
    }
    /// Nothing is left of anybody.
    fn assert_empty(&mut self) {
        self.news();
        let p = &self.presence;
        assert_eq!((p.connections.len(), p.sids.len(), p.users.len(), p.rings.len()), (0, 0, 0, 0));
        assert_eq!((p.changed.len(), p.listed.len()), (0, 0));
    }
}

fn tell(who: &str, to: &[Sid]) -> Tell {
    Tell { who: who.into(), to: to.to_vec() }
}

#[test]
fn a_user_is_online_from_his_first_page_to_his_last() {
    let (mut hall, _) = Hall::of(&["man"]);
    let (first, _) = hall.page("woman");
    let (second, sid) = hall.page("woman");
    assert_eq!(hall.news(), [("woman".to_owned(), Status::Free, 1)], "once, to the one other page");
    hall.busy(sid);
    hall.presence.gone(first);
    assert_eq!(hall.news(), [("woman".to_owned(), Status::Busy, 1)]);
    assert_eq!(hall.presence.online().collect::<Vec<_>>(), [("man", false), ("woman", true)]);
    hall.presence.gone(second);
    assert_eq!(hall.news(), [("woman".to_owned(), Status::Offline, 1)]);
    hall.page("woman");
    assert_eq!(hall.news(), [("woman".to_owned(), Status::Free, 1)], "busy ends with the last page");
}

#[test]
fn another_login_of_one_page_changes_it() {
    let (mut hall, _) = Hall::of(&["man"]);
    let (number, sid) = hall.page("woman");
    hall.presence.log_in(number, "lady").unwrap();
    assert_eq!(hall.news(), [("woman".to_owned(), Status::Offline, 2), ("lady".to_owned(), Status::Free, 1)]);
    hall.presence.log_in(number, "lady").unwrap();
    assert_eq!(hall.news(), []);
    assert_eq!(hall.ring(sid, "man").unwrap().who, "lady".into());
}

#[test]
fn a_login_is_any_text_of_a_bounded_length() {
    let (mut hall, _) = Hall::of(&[]);
    let (number, _) = hall.page("客厅 <b> \n");
    for bad in [String::new(), "é".repeat(129)] {
        assert_eq!(hall.presence.log_in(number, &bad), Err(Refusal::BadLogin));
    }
    assert_eq!(hall.presence.log_in(number, &"é".repeat(128)), Ok(()));
}

#[test]
fn a_ring_reaches_all_pages_of_the_callee_and_a_decline_all_of_the_caller() {
    let (mut hall, sids) = Hall::of(&["man", "woman", "woman"]);
    let mut rung = hall.ring(sids[0], "woman").unwrap();
    rung.to.sort();
    let mut both = [sids[1], sids[2]];
    both.sort();
    assert_eq!(rung, tell("man", &both));
    assert_eq!(hall.presence.decline(sids[1], "man", hall.now), Ok(tell("woman", &sids[..1])));
    assert_eq!(hall.presence.decline(sids[1], "man", hall.now), Err(Refusal::NotCalling), "once");
    hall.ring(sids[0], "woman").unwrap();
    assert_eq!(hall.presence.decline(sids[0], "woman", hall.now).unwrap().who, "man".into(), "the caller hangs up");
}

#[test]
fn refusals_say_why() {
    let (mut hall, sids) = Hall::of(&["man", "woman"]);
    let stranger = hall.presence.came();
    assert_eq!(hall.presence.log_in(stranger, "x"), Err(Refusal::NotConnected), "not in the namespace yet");
    let mute = Sid::new();
    hall.presence.joined(stranger, mute);
    assert_eq!(hall.ring(Sid::new(), "woman"), Err(Refusal::NotConnected));
    assert_eq!(hall.ring(mute, "woman"), Err(Refusal::NotLoggedIn));
    assert_eq!(hall.ring(sids[0], "nobody"), Err(Refusal::Offline));
    assert_eq!(hall.ring(sids[0], "man"), Err(Refusal::Yourself));
    hall.busy(sids[1]);
    assert_eq!(hall.ring(sids[0], "woman"), Err(Refusal::Busy));
    assert_eq!(hall.presence.set_busy(mute, true, hall.now), Err(Refusal::NotLoggedIn));
}

#[test]
fn busy_accepts_the_newest_ring_and_declines_the_others() {
    let (mut hall, sids) = Hall::of(&["a", "b", "c", "d"]);
    hall.ring(sids[1], "a").unwrap();
    hall.ring(sids[2], "a").unwrap();
    hall.ring(sids[3], "c").unwrap();
    assert_eq!(hall.busy(sids[0]), [tell("a", &sids[1..2])], "b hears that it was declined");
    assert_eq!(hall.busy(sids[2]), [tell("c", &sids[3..4])], "c talks to a, so d is declined");
    assert_eq!(hall.presence.rings.len(), 0);
    assert_eq!(hall.presence.set_busy(sids[0], false, hall.now), Ok(Vec::new()));
    let seen = ["a", "c"].map(str::to_owned);
    assert_eq!(hall.news(), [(seen[0].clone(), Status::Free, 3), (seen[1].clone(), Status::Busy, 3)]);
}

#[test]
fn a_ring_lapses() {
    let (mut hall, sids) = Hall::of(&["man", "woman"]);
    hall.ring(sids[0], "woman").unwrap();
    hall.now += RING_LIMIT - Duration::from_secs(1);
    hall.presence.prune(hall.now);
    assert_eq!(hall.presence.rings.len(), 1);
    hall.now += Duration::from_secs(1);
    assert_eq!(hall.presence.decline(sids[1], "man", hall.now), Err(Refusal::NotCalling), "even before it is dropped");
    hall.ring(sids[0], "woman").unwrap();
    hall.now += RING_LIMIT;
    assert_eq!(hall.busy(sids[1]), [], "nobody is left to be told");
    hall.ring(sids[1], "man").unwrap();
    hall.now += RING_LIMIT;
    hall.presence.prune(hall.now);
    assert_eq!(hall.presence.rings.len(), 0);
}

#[test]
fn rings_of_one_callee_are_bounded() {
    let (mut hall, _) = Hall::of(&["star"]);
    let fans: Vec<Sid> = (0..17).map(|n| hall.page(&format!("fan {n}")).1).collect();
    assert!(fans[..16].iter().all(|fan| hall.ring(*fan, "star").is_ok()));
    assert_eq!(hall.ring(fans[16], "star"), Err(Refusal::TooManyRings));
    assert!(hall.ring(fans[0], "star").is_ok(), "the same once more is no other");
}

#[test]
fn users_are_bounded_and_nothing_is_left_of_them() {
    let (mut hall, _) = Hall::of(&[]);
    let mut numbers: Vec<u64> = (0..MAX_USERS).map(|n| hall.page(&n.to_string()).0).collect();
    let (late, sid) = (hall.presence.came(), Sid::new());
    hall.presence.joined(late, sid);
    assert_eq!(hall.presence.log_in(late, "late"), Err(Refusal::Full));
    assert_eq!(hall.presence.log_in(late, "7"), Ok(()), "one more page of somebody who is here");
    numbers.push(late);
    hall.presence.gone(numbers[1]);
    // A page that is a new user each moment: what waits to be told stays bounded.
    for n in 0..3 * MAX_USERS {
        hall.presence.log_in(numbers[0], &format!("x{n}")).unwrap();
    }
    assert!(hall.presence.changed.len() <= 2 * MAX_USERS && hall.presence.changed.len() == hall.presence.listed.len());
    for number in numbers {
        hall.presence.gone(number);
    }
    hall.assert_empty();
}

#[test]
fn what_comes_after_the_end_of_a_connection_leaves_nothing() {
    let (mut hall, sids) = Hall::of(&["man"]);
    let (number, sid) = hall.page("woman");
    hall.ring(sid, "man").unwrap();
    hall.ring(sids[0], "woman").unwrap();
    hall.presence.left(number);
    assert_eq!(hall.presence.rings.len(), 0, "rings end with either user");
    assert_eq!(hall.presence.log_in(number, "woman"), Err(Refusal::NotConnected));
    hall.presence.joined(number, sid);
    assert_eq!(hall.presence.log_in(number, "woman"), Ok(()), "it may come back on the same connection");
    hall.presence.gone(number);
    hall.presence.joined(number, sid);
    assert_eq!(hall.presence.log_in(number, "woman"), Err(Refusal::NotConnected));
    hall.presence.gone(1);
    hall.assert_empty();
}
