using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>
/// The only way in which the daemons write state: temporary file in the same folder, fsync, rename, fsync of the folder. A reader
/// sees the old content or the new one, whole, whatever fails in between.
/// </summary>
public static class AtomicFile
{
    private const string TemporarySuffix = ".tmp";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>As mkdir -p makes what it has to pass, less what the umask takes away.</summary>
    private const UnixFileMode EverybodysFolder = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Replaces <paramref name="path"/>. The file is durable when this returns.</summary>
    /// <exception cref="ProblemException">
    /// <c>disk_full</c>, <c>file_write</c>: at <paramref name="path"/> is the old content, or the new one of which only the folder's sync failed. To be repeated.
    /// </exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var temporary = path + TemporarySuffix;
        try
        {
            var options = new FileStreamOptions
            {
                // Never what is there: it may be a link, or open to others.
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = mode,
            };
            using var folder = Folder.Of(path);
            using (var stream = Create(temporary, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            folder.Sync();
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw Explain(path, cause);
        }
    }

    private static FileStream Create(string temporary, FileStreamOptions options)
    {
        const int Exists = 17;
        try
        {
            return new FileStream(temporary, options);
        }
        catch (IOException cause) when ((cause.HResult & 0xFFFF) == Exists)
        {
            // What an interrupted write has left. A link goes as such, whatever it leads to.
            File.Delete(temporary);
            return new FileStream(temporary, options);
        }
    }

    /// <summary>Deletes a file durably; a file that is not there is no error.</summary>
    /// <exception cref="ProblemException"><c>file_write</c>.</exception>
    public static void Delete(string path)
    {
        try
        {
            if (!File.Exists(path)) return;
            using var folder = Folder.Of(path);
            File.Delete(path);
            folder.Sync();
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Explain(path, cause);
        }
    }

    /// <summary>
    /// Renames a file durably over <paramref name="to"/> within one file system. Can be repeated: where a call before this one came as far as the rename, the
    /// rest is done.
    /// </summary>
    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_write</c>: the rename may have been done, but may not be durable.</exception>
    public static void Rename(string from, string to)
    {
        try
        {
            using var folder = Folder.Of(to);
            if (File.Exists(from) || !File.Exists(to)) File.Move(from, to, overwrite: true);
            folder.Sync();
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Explain(to, cause);
        }
    }

    /// <summary>Makes all names in a folder durable, whoever made them: an interrupted process may have left renames behind that the power would take along.</summary>
    /// <exception cref="ProblemException"><c>file_*</c>.</exception>
    public static void SyncNames(string folder)
    {
        try
        {
            using var held = Folder.At(folder);
            held.Sync();
        }
        catch (IOException cause)
        {
            throw Explain(folder, cause);
        }
    }

    /// <summary>
    /// Makes a folder for its owner alone, and those above it that are missing, durably: what is written into a folder goes with the power
    /// for as long as the folder's own name is not on the disk.
    /// </summary>
    /// <exception cref="IOException">It cannot be made, or its name not be made durable. To be repeated.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder above belongs to somebody else.</exception>
    public static void CreateFolder(string path) => CreateFolder(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), OwnerOnly);

    private static void CreateFolder(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path) || Path.GetDirectoryName(path) is not { } above) return;
        if (!Directory.Exists(above)) CreateFolder(above, EverybodysFolder);
        using var folder = Folder.Of(path);
        Directory.CreateDirectory(path, mode);
        folder.Sync();
    }

    /// <summary>Removes what an interrupted <see cref="Write"/> left behind. Call it once at start, before the first write.</summary>
    /// <exception cref="ProblemException"><c>file_permission</c>, <c>file_write</c>: the folder cannot be read.</exception>
    public static void RemoveLeftovers(string folder)
    {
        if (!Directory.Exists(folder)) return;
        try
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*" + TemporarySuffix)) TryDelete(file);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Explain(folder, cause);
        }
    }

    /// <summary>A folder held open from before a change in it: whoever has no descriptor left finds out while all is as it was.</summary>
    private readonly struct Folder : IDisposable
    {
        private readonly string _path;
        private readonly int _descriptor;

        private Folder(string path)
        {
            _path = path;
            _descriptor = Libc.OpenDirectory(path);
            if (_descriptor < 0) throw Failure();
        }

        public static Folder At(string path) => new(path);

        public static Folder Of(string file) => new(Path.GetDirectoryName(Path.GetFullPath(file))!);

        public void Sync()
        {
            if (Libc.FileSync(_descriptor) != 0) throw Failure();
        }

        public void Dispose() => _ = Libc.Close(_descriptor);

        private IOException Failure() => new(_path, Marshal.GetLastPInvokeError());
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // The next start removes it.
            return;
        }
    }

    private static ProblemException Explain(string path, Exception cause)
    {
        const int NoEntry = 2, NoAccess = 13, TooManyFilesInSystem = 23, TooManyFiles = 24;
        const int NoSpace = 28, ReadOnlyFileSystem = 30, QuotaExceeded = 122;
        var error = cause.HResult & 0xFFFF;
        return error switch
        {
            NoSpace or QuotaExceeded => new ProblemException("disk_full", $"cannot write {path}: no space left on its file system",
                "free some space; the write is tried again by itself", 507, cause),
            ReadOnlyFileSystem => new ProblemException("file_read_only", $"cannot write {path}: its file system is read-only",
                "put the state folder (homedir_path) on a writable data partition", 500, cause),
            TooManyFiles or TooManyFilesInSystem => new ProblemException("too_many_files", $"cannot write {path}: no descriptor is left",
                "raise LimitNOFILE= of the unit", 500, cause),
            _ when cause is UnauthorizedAccessException || error == NoAccess => new ProblemException("file_permission", $"cannot write {path}: permission denied",
                "give the state folder (homedir_path) and what is in it to the daemon's user (chown -R)", 500, cause),
            _ when Path.GetDirectoryName(path) is { } folder && File.Exists(folder) => new ProblemException(
                "file_no_folder", $"cannot write {path}: {folder} is a file", "move it away, and make a folder of this name", 500, cause),
            _ when cause is DirectoryNotFoundException || (error == NoEntry && cause is not FileNotFoundException) => new ProblemException(
                "file_no_folder", $"cannot write {path}: there is no folder {Path.GetDirectoryName(path)}",
                "create the state folder (homedir_path) and give it to the daemon's user", 500, cause),
            _ => new ProblemException("file_write", $"cannot write {path}: {Marshal.GetPInvokeErrorMessage(error)}",
                "check the path and the file system; dmesg has what the storage complains of", 500, cause),
        };
    }
}
