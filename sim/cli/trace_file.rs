//! The file into which a run writes its trace.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::Failure;
use crate::report::{behind_links, is_no_file};

/// A trace file that has its name only once it is whole: a process that is killed leaves a `.partial` file.
#[derive(Debug)]
pub(super) struct TraceFile {
    /// The file that is written, and the same again to see it on the disk; none where a name can wait for nothing: on
    /// standard output, or where something else than a file is.
    partial: Option<(PathBuf, File)>,
    path: PathBuf,
}

/// Refuses to write over what is read.
pub(super) fn other_file(out: Option<&Path>, read: &Path) -> Result<(), Failure> {
    let same = out
        .and_then(|out| out.canonicalize().ok())
        .is_some_and(|out| read.canonicalize().is_ok_and(|read| read == out));
    let taken = || Failure::Usage(format!("`{}` is what is read, expected another file to write", read.display()));
    if same { Err(taken()) } else { Ok(()) }
}

/// How much is written at once. A run may have hundreds of megabytes, and the system takes as long for 8 KiB, which are
/// usual, as for several times as much.
const BUFFER_BYTES: usize = 256 << 10;

fn buffered<W: Write>(to: W) -> BufWriter<W> {
    BufWriter::with_capacity(BUFFER_BYTES, to)
}

impl TraceFile {
    /// Opens the file; `-` is standard output.
    pub fn create(path: &Path) -> Result<(Self, Box<dyn Write + Send>), Failure> {
        if path == Path::new("-") {
            return Ok((Self { partial: None, path: path.to_owned() }, Box::new(buffered(io::stdout()))));
        }
        let failed = |error: io::Error| {
            Failure::of_file(error.kind(), format!("failed to create the trace `{}`: {error}", path.display()))
        };
        let path = &behind_links(path);
        let whole = |partial| Self { partial, path: path.to_owned() };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        // A pipe or a device is no file that could be replaced.
        if is_no_file(path) {
            let file = File::options().write(true).open(path).map_err(failed)?;
            return Ok((whole(None), Box::new(buffered(file))));
        }
        let partial = path.with_added_extension("partial");
        let file = File::create(&partial).map_err(failed)?;
        let same = file.try_clone().map_err(failed)?;
        Ok((whole(Some((partial, same))), Box::new(buffered(file))))
    }

    /// Gives the whole trace its name.
    pub fn keep(self) -> Result<(), Failure> {
        let Some((partial, file)) = self.partial else { return Ok(()) };
        file.sync_all().and_then(|()| fs::rename(&partial, &self.path)).map_err(|error| {
            let (partial, path) = (partial.display(), self.path.display());
            Failure::Internal(format!("failed to give the trace `{partial}` its name `{path}`: {error}"))
        })
    }

    /// Where what was written of a trace stands that is not whole.
    pub fn written(&self) -> &Path {
        self.partial.as_ref().map_or(&self.path, |(partial, _)| partial)
    }
}
