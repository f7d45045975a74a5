using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Store;

/// <summary><c>HOMEDIR/anchors</c>: for each EST server one file with the roots that its cacerts brought, replaced as a whole.</summary>
internal sealed partial class AnchorStore(string homedir, ILogger log)
{
    private const string Suffix = ".anchors";
    private const int LargestFile = 1024 * 1024;
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _folder = Path.Combine(homedir, "anchors");

    /// <summary>All of them. A file that cannot be read is logged and left aside.</summary>
    public List<OriginAnchors> Load()
    {
        var found = new List<OriginAnchors>();
        if (!Directory.Exists(_folder)) return found;
        try
        {
            AtomicFile.RemoveLeftovers(_folder);
            foreach (var path in Directory.GetFiles(_folder, "*" + Suffix)) Load(path, found);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(log, _folder);
        }
        catch (ProblemException problem)
        {
            Log.Damaged(log, problem.Message);
        }

        return found;
    }

    /// <exception cref="ProblemException">As of <see cref="AtomicFile.Write"/>.</exception>
    public void Write(OriginAnchors anchors)
    {
        try
        {
            Directory.CreateDirectory(_folder, FolderMode);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_permission", $"cannot create the folder {_folder}",
                "the folder homedir_path must exist on a writable file system and belong to the daemon's user", 500, cause);
        }

        AtomicFile.Write(Path.Combine(_folder, SafeFileName.Of(anchors.Origin) + Suffix), anchors.ToFile());
    }

    private void Load(string path, List<OriginAnchors> found)
    {
        try
        {
            if (new FileInfo(path).Length > LargestFile) throw HeaderedPem.Damaged(path);
            found.Add(OriginAnchors.FromFile(path, File.ReadAllText(path)));
        }
        catch (ProblemException problem)
        {
            Log.Damaged(log, problem.Message);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(log, path);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "roots learnt from an EST server: {Problem}; they are left aside until the server is asked again")]
        public static partial void Damaged(ILogger logger, string problem);

        [LoggerMessage(2, LogLevel.Error, "cannot read {Path}; the roots learnt from EST servers are treated as absent")]
        public static partial void Unreadable(ILogger logger, string path);
    }
}
