//! Sound in its place: gaps, lateness, drift, saturation.

use super::*;

const BLOCK: usize = 960;

fn take(fifo: &mut Fifo, at: i64, count: usize) -> Vec<i32> {
    let mut mix = vec![[0; 2]; count];
    fifo.add_to(at, &mut mix);
    mix.iter().map(|frame| frame[0]).collect()
}

#[test]
fn blocks_follow_each_other_and_rounding_is_forgiven() {
    let mut fifo = Fifo::default();
    for (index, value) in [1i16, 2, 3].into_iter().enumerate() {
        fifo.push(index as i64 * 960 + [0, 30, -20][index], &[[value; 2]; BLOCK]);
    }
    assert_eq!(fifo.end(), 3 * 960);
    let taken = take(&mut fifo, 0, 3 * BLOCK);
    assert_eq!((taken[0], taken[959], taken[960], taken[2879]), (1, 1, 2, 3));
}

#[test]
fn gaps_are_silence_and_late_sound_is_dropped() {
    let mut fifo = Fifo::default();
    fifo.push(0, &[[5; 2]; BLOCK]);
    fifo.push(3 * 960, &[[7; 2]; BLOCK]);
    let taken = take(&mut fifo, 0, 4 * BLOCK);
    assert_eq!((taken[959], taken[960], taken[2879], taken[2880]), (5, 0, 0, 7));
    fifo.push(0, &[[9; 2]; BLOCK]);
    assert_eq!(take(&mut fifo, 4 * 960, BLOCK), vec![0; BLOCK], "its time is over");
    fifo.push(5 * 960 - 480, &[[9; 2]; BLOCK]);
    let taken = take(&mut fifo, 5 * 960, BLOCK);
    assert_eq!((taken[0], taken[479], taken[480]), (9, 9, 0), "half of it was late");
}

#[test]
fn sound_that_begins_later_is_silent_before() {
    let mut fifo = Fifo::default();
    fifo.push(1000, &[[5; 2]; BLOCK]);
    let taken = take(&mut fifo, 0, 1920);
    assert_eq!((taken[999], taken[1000], taken[1919]), (0, 5, 5));
    assert_eq!(take(&mut fifo, 1920, 100)[..41], [[5; 40].as_slice(), &[0]].concat());
}

#[test]
fn a_clock_that_is_off_by_100_ppm_stays_in_place() {
    for ppm in [-100i64, 100] {
        let (mut fifo, mut worst) = (Fifo::default(), 0);
        for index in 0..15 * 60 * 50i64 {
            let at = index * 960 + index * 960 * ppm / 1_000_000;
            fifo.push(at, &[[1; 2]; BLOCK]);
            worst = worst.max((fifo.end() - at - 960).abs());
            let mut mix = vec![[0; 2]; 960];
            fifo.add_to(at - 9600, &mut mix);
        }
        assert!(worst <= 2 * ROUNDING, "{ppm} ppm: off by {worst} frames");
    }
}

#[test]
fn memory_is_bounded_and_a_leap_begins_anew() {
    let mut fifo = Fifo::default();
    for index in 0..2000 {
        fifo.push(index * 960, &[[1; 2]; BLOCK]);
    }
    assert_eq!((fifo.frames.len() as i64, fifo.end()), (MOST, 2000 * 960));
    fifo.push(1_000_000_000, &[[1; 2]; BLOCK]);
    assert_eq!((fifo.frames.len(), fifo.end()), (BLOCK, 1_000_000_960));
}

#[test]
fn sums_saturate() {
    let mut mix = vec![[0; 2]; 2];
    for value in [[30_000, -30_000], [30_000, -30_000]] {
        let mut fifo = Fifo::default();
        fifo.push(0, &[value, [100, 100]]);
        fifo.add_to(0, &mut mix);
    }
    let expected: Vec<u8> = [i16::MAX, i16::MIN, 200, 200].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(clamp(&mix), expected);
    assert!(loudness(&[[16_384, 0]]) > 0.49 && loudness(&[]) == 0.0);
}
