using System.Security.Cryptography;
using EstProv.Platform;

namespace EstProv.Cli.Output;

/// <summary>
/// A file that the caller of a command names, in a folder that may be anybody's: there as a whole or not at all, by way of a file that is
/// new for certain, so that nothing
/// that lies there already is written to.
/// </summary>
internal static class ResultFile
{
    private const int NoSpace = 28, QuotaExceeded = 122;

    /// <exception cref="ProblemException"><c>file_write</c>, <c>disk_full</c>: what was there before is there still.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}.tmp";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = mode };
            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            AtomicFile.SyncNames(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or ProblemException)
        {
            Remove(temporary);
            throw (cause.HResult & 0xFFFF) is NoSpace or QuotaExceeded || cause is ProblemException { Code: "disk_full" }
                ? new ProblemException("disk_full", $"cannot write {path}: no space left on its file system", "free some space, or name a file elsewhere", inner: cause)
                : new ProblemException("file_write", $"cannot write {path}", "its folder must exist and be writable for you", inner: cause);
        }
    }

    private static void Remove(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // Where nothing can be written nothing was.
            return;
        }
    }
}
