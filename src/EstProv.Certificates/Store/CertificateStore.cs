using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Store;

/// <summary>
/// <c>HOMEDIR/certs</c>: for each id <c>NAME.cert</c> (in use), <c>NAME.previous</c> (in use before, until the one in use has done its work once),
/// <c>NAME.staged</c> (issued, not yet proved), <c>NAME.pending</c> (asked for, answer 202), <c>NAME.wait</c> (asked for, answer 503 or 429) and <c>NAME.operator</c> (what is known of an operator's file). Each
/// is replaced as a whole; the rename of <c>.staged</c> to <c>.cert</c> is the point at which a new certificate is the one in use.
/// </summary>
internal sealed partial class CertificateStore
{
    private const string Committed = ".cert", Previous = ".previous", Staged = ".staged", Pending = ".pending", Operator = ".operator", Wait = ".wait";

    private readonly string _folder;
    private readonly ILogger _log;

    /// <summary>One writer at a time: two of one file would share its temporary name.</summary>
    private readonly Lock _writing = new();

    /// <exception cref="ProblemException"><c>file_permission</c>, <c>file_read_only</c>, <c>disk_full</c>: the folder cannot be made.</exception>
    public CertificateStore(string homedir, ILogger log)
    {
        _folder = Path.Combine(homedir, "certs");
        _log = log;
        CreateFolder(_folder);
        AtomicFile.RemoveLeftovers(_folder);
    }

    public IReadOnlyList<StoredCertificate> LoadCommitted() => Load(Committed, StoredCertificate.FromFile);

    public IReadOnlyList<StoredCertificate> LoadPrevious() => Load(Previous, StoredCertificate.FromFile);

    public IReadOnlyList<StoredCertificate> LoadStaged() => Load(Staged, StoredCertificate.FromFile);

    public IReadOnlyList<PendingRequest> LoadPending() => Load(Pending, PendingRequest.FromFile);

    public IReadOnlyList<StoredWait> LoadWaits() => Load(Wait, StoredWait.FromFile);

    public void WriteWait(StoredWait wait) => Write(wait.Id, Wait, wait.ToFile());

    public void DeleteWait(string id) => Delete(id, Wait);

    public IReadOnlyList<StoredCertificate> LoadOperator() => Load(Operator, StoredCertificate.FromFile);

    public void WriteStaged(StoredCertificate certificate) => Write(certificate.Id, Staged, certificate.ToFile());

    /// <summary>Makes the staged certificate the one in use. Where it fails, it may have been done all the same (<see cref="IsCommitted"/>); to be repeated.</summary>
    public void Commit(string id)
    {
        lock (_writing) AtomicFile.Rename(PathOf(id, Staged), PathOf(id, Committed));
    }

    /// <summary>From here on the power cannot bring back what was in use before.</summary>
    /// <exception cref="ProblemException"><c>file_*</c>.</exception>
    public void MakeDurable() => AtomicFile.SyncNames(_folder);

    /// <summary>Whether this very certificate is the one in use on disk.</summary>
    /// <exception cref="ProblemException"><c>file_read</c>.</exception>
    public bool IsCommitted(StoredCertificate certificate)
    {
        var path = PathOf(certificate.Id, Committed);
        try
        {
            return File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(certificate.ToFile());
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_read", $"cannot read {path}", "check the file system; it is tried again by itself", 500, cause);
        }
    }

    public void WritePrevious(StoredCertificate certificate) => Write(certificate.Id, Previous, certificate.ToFile());

    public void DeletePrevious(string id) => Delete(id, Previous);

    /// <summary>Makes the certificate before the one in use again.</summary>
    public void TakeBack(StoredCertificate previous)
    {
        // An operator's file is in use where nothing of ours is.
        if (previous.Kind == StoredKind.Operator) DeleteCommitted(previous.Id);
        else Write(previous.Id, Committed, previous.ToFile());
        DeletePrevious(previous.Id);
    }

    public void DiscardStaged(string id) => Delete(id, Staged);

    /// <summary>Writes a certificate that has no key of ours: nothing is to be proved.</summary>
    public void WriteCommitted(StoredCertificate certificate) => Write(certificate.Id, Committed, certificate.ToFile());

    public void DeleteCommitted(string id) => Delete(id, Committed);

    public void WritePending(PendingRequest request) => Write(request.Id, Pending, request.ToFile());

    public void DeletePending(string id) => Delete(id, Pending);

    public void WriteOperator(StoredCertificate certificate) => Write(certificate.Id, Operator, certificate.ToFile());

    private void Write(string id, string suffix, byte[] content)
    {
        lock (_writing) AtomicFile.Write(PathOf(id, suffix), content);
    }

    private void Delete(string id, string suffix)
    {
        lock (_writing) AtomicFile.Delete(PathOf(id, suffix));
    }

    private static void CreateFolder(string folder)
    {
        try
        {
            AtomicFile.CreateFolder(folder);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_permission", $"cannot create the certificate store {folder}",
                "the folder homedir_path must exist on a writable file system and belong to the daemon's user", 500, cause);
        }
    }

    private string PathOf(string id, string suffix) => Path.Combine(_folder, SafeFileName.Of(id) + suffix);

    private List<T> Load<T>(string suffix, Func<string, string, T> read)
    {
        var found = new List<T>();
        foreach (var path in FilesOf(suffix))
        {
            try
            {
                found.Add(read(path, File.ReadAllText(path)));
            }
            catch (ProblemException problem)
            {
                // It stays where it is: a person may want to look at it.
                Log.Damaged(_log, problem.ToLogText());
            }
            catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
            {
                Log.Unreadable(_log, path);
            }
        }

        return found;
    }

    /// <exception cref="ProblemException"><c>file_read</c>.</exception>
    private string[] FilesOf(string suffix)
    {
        try
        {
            return Directory.GetFiles(_folder, "*" + suffix);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("file_read", $"cannot read the certificate store {_folder}", "it must belong to the daemon's user (estprov-certd); check the file system", 500, cause);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "{Problem}")]
        public static partial void Damaged(ILogger logger, string problem);

        [LoggerMessage(2, LogLevel.Error, "cannot read {Path} of the certificate store; its certificate is treated as absent")]
        public static partial void Unreadable(ILogger logger, string path);
    }
}
