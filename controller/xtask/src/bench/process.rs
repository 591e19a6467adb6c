//! Programs that the benchmark starts and measures, and what the kernel says about them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The kernel counts the CPU time that `/proc` shows in hundredths of a second, on every Linux (`USER_HZ`, proc(5)).
const MILLISECONDS_PER_TICK: f64 = 10.0;

/// How long a program may take to end after SIGTERM; Bowline promises 20 s.
const END: Duration = Duration::from_secs(30);

/// A running program. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts the program; what it writes goes to the file `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        let err = out.try_clone().context("cannot open the log twice")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    /// Fails if it has ended.
    pub(super) fn must_run(&mut self, log: &Path) -> Result<()> {
        let ended = self.child.try_wait().with_context(|| format!("cannot look after {}", self.name))?;
        if let Some(status) = ended {
            let text = fs::read_to_string(log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(10).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            bail!("{} ended with {status}; it wrote at last:\n{}", self.name, tail.join("\n"));
        }
        Ok(())
    }

    /// Sends SIGTERM and waits until it is gone.
    pub(super) fn end(mut self) -> Result<()> {
        let id = self.child.id().to_string();
        // `kill` is built into every shell; the standard library has no call for it.
        let sent = Command::new("sh").args(["-c", r#"kill -s TERM "$0""#, &id]).status();
        sent.with_context(|| format!("cannot signal {}", self.name))?;
        let begun = Instant::now();
        while self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))?.is_none() {
            if begun.elapsed() > END {
                bail!("{} did not end within {} s of SIGTERM", self.name, END.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The CPU time that it has used so far in all of its threads, user and system, in milliseconds.
    pub(super) fn cpu_milliseconds(&self) -> Result<f64> {
        let stat = self.read("stat")?;
        // The second field is the program's name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks: Option<f64> = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<f64>().ok())
            .sum::<Option<f64>>();
        Ok(ticks.context("/proc shows no CPU time")? * MILLISECONDS_PER_TICK)
    }

    /// Its resident memory now, and the most that it ever had, in megabytes (10^6 bytes).
    pub(super) fn memory_megabytes(&self) -> Result<(f64, f64)> {
        let status = self.read("status")?;
        Ok((kilobytes(&status, "VmRSS:")? / 1e3, kilobytes(&status, "VmHWM:")? / 1e3))
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}: the benchmark needs Linux"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A field of `/proc/.../status` or `/proc/meminfo` in thousands of bytes; the kernel's `kB` are 1,024 bytes.
pub(super) fn kilobytes(text: &str, field: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    let number: f64 = number.with_context(|| format!("/proc shows no {field}"))?;
    Ok(number * 1.024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_proc_is_read_in_thousands_of_bytes() {
        let status = "Name:\tbowline\nVmHWM:\t   51000 kB\nVmRSS:\t   50000 kB\n";
        assert!((kilobytes(status, "VmRSS:").unwrap() - 51_200.0).abs() < 1e-6);
        assert!(kilobytes(status, "VmSwap:").is_err());
    }
}
