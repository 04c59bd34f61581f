//! ffmpeg as the other side: it makes files and plays sources, by nginx where it is no server itself. Small pictures, few of them.
#![allow(dead_code)]

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Pictures for people and a tone, without end unless `-t` says so.
pub const PICTURES: [&str; 4] = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=15"];
pub const TONE: [&str; 4] = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
/// As browsers take it.
pub const H264: [&str; 12] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "15",
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "1",
];
pub const H265: [&str; 10] = [
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-x265-params",
    "log-level=none:keyint=15:pools=1",
    "-pix_fmt",
    "yuv420p",
    "-threads",
    "1",
];

/// A process that ends with its handle.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays pictures and a tone in real time to `out`.
pub fn play(video: &[&str], audio: &[&str], out: &[&str]) -> Running {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-re"]).args(PICTURES).arg("-re").args(TONE);
    command.args(video).args(audio).args(out).stdout(Stdio::null());
    Running(command.spawn().expect("ffmpeg"))
}

/// An RTMP server on `port`: nginx. Waits until it listens.
pub fn relay(port: u16, dir: &Path) -> Running {
    let text = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; master_process off; error_log stderr crit;\n\
         pid {}/pid; events {{ worker_connections 64; }}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}\n",
        dir.display()
    );
    let config = dir.join("nginx.conf");
    std::fs::write(&config, text).expect("its settings");
    let running =
        Running(Command::new("/usr/sbin/nginx").arg("-p").arg(dir).arg("-c").arg(config).spawn().expect("nginx"));
    let end = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nginx does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

/// Makes a file of so many seconds.
pub fn make(seconds: &str, video: &[&str], audio: &[&str], out: &[&str], path: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(PICTURES).args(TONE).args(["-t", seconds]);
    let status = command.args(video).args(audio).args(out).arg(path).status().expect("ffmpeg");
    assert!(status.success(), "ffmpeg made nothing");
}

/// Width, height and whether there is anything to see in an encoded picture: how far its greys lie apart.
pub fn look_at(picture: &[u8]) -> u8 {
    use std::io::Write;
    let args = ["-v", "error", "-i", "-", "-vf", "scale=32:24", "-f", "rawvideo", "-pix_fmt", "gray", "-"];
    let mut child =
        Command::new("ffmpeg").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("ffmpeg");
    child.stdin.take().expect("its input").write_all(picture).expect("to be read");
    let greys = child.wait_with_output().expect("its output").stdout;
    assert_eq!(greys.len(), 32 * 24, "ffmpeg decodes no picture");
    let (least, most) = (greys.iter().min().copied(), greys.iter().max().copied());
    most.zip(least).map_or(0, |(most, least)| most - least)
}
