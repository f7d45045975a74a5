using System.Runtime.InteropServices;

namespace EstProv.Platform;

/// <summary>
/// The only way in which the daemons write state: temporary file in the same folder, fsync, rename, fsync of the folder. A reader
/// sees the old content or the new one, whole, whatever fails in between.
/// </summary>
public static class AtomicFile
{
    private const string TemporarySuffix = ".tmp";

    /// <summary>Replaces <paramref name="path"/>. The file is durable when this returns.</summary>
    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_write</c>: nothing has changed at <paramref name="path"/>.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var temporary = path + TemporarySuffix;
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = mode,
            };
            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw Explain(path, cause);
        }
    }

    /// <summary>Deletes a file durably; a file that is not there is no error.</summary>
    /// <exception cref="ProblemException"><c>file_write</c>.</exception>
    public static void Delete(string path)
    {
        try
        {
            if (!File.Exists(path)) return;
            File.Delete(path);
            SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Explain(path, cause);
        }
    }

    /// <summary>Renames a file durably over <paramref name="to"/> within one file system.</summary>
    /// <exception cref="ProblemException"><c>disk_full</c>, <c>file_write</c>.</exception>
    public static void Rename(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: true);
            SyncFolder(Path.GetDirectoryName(Path.GetFullPath(to))!);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw Explain(to, cause);
        }
    }

    /// <summary>Removes what an interrupted <see cref="Write"/> left behind. Call it once at start, before the first write.</summary>
    public static void RemoveLeftovers(string folder)
    {
        if (!Directory.Exists(folder)) return;
        foreach (var file in Directory.EnumerateFiles(folder, "*" + TemporarySuffix)) TryDelete(file);
    }

    private static void SyncFolder(string folder)
    {
        var descriptor = Libc.OpenDirectory(folder);
        if (descriptor < 0) throw new IOException(folder, Marshal.GetLastPInvokeError());
        try
        {
            if (Libc.FileSync(descriptor) != 0) throw new IOException(folder, Marshal.GetLastPInvokeError());
        }
        finally
        {
            _ = Libc.Close(descriptor);
        }
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
        const int NoSpace = 28, QuotaExceeded = 122, ReadOnlyFileSystem = 30;
        var error = cause.HResult & 0xFFFF;
        return error switch
        {
            NoSpace or QuotaExceeded => new ProblemException("disk_full", $"cannot write {path}: no space left on its file system",
                "free some space; the write is tried again by itself", 507, cause),
            ReadOnlyFileSystem => new ProblemException("file_read_only", $"cannot write {path}: its file system is read-only",
                "put the state folder (homedir_path) on a writable data partition", 500, cause),
            _ when cause is UnauthorizedAccessException => new ProblemException("file_permission", $"cannot write {path}: permission denied",
                "the state folder must belong to the daemon's user", 500, cause),
            _ when cause is DirectoryNotFoundException => new ProblemException("file_no_folder", $"cannot write {path}: its folder does not exist",
                "create the state folder (homedir_path) and give it to the daemon's user", 500, cause),
            _ => new ProblemException("file_write", $"cannot write {path} (error {error})", "check the file system", 500, cause),
        };
    }
}
