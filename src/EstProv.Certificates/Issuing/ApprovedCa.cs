using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// The CA whose fingerprint the operator approved (RFC 7030 section 4.1.1). Kept in <c>anchors/approved-SHA256.pem</c> of the state folder; what that file says
/// counts only as far as it has the fingerprint, so that nobody who can write there gains anything, and another fingerprint in the configuration needs no clearing up.
/// </summary>
internal sealed partial class ApprovedCa
{
    private readonly string _file;
    private readonly ILogger _log;
    private volatile string? _pem;
    private volatile bool _isLoaded;

    public ApprovedCa(string folder, byte[] fingerprint, ILogger log)
    {
        Fingerprint = fingerprint;
        _file = Path.Combine(folder, "anchors", $"approved-{Convert.ToHexStringLower(fingerprint)}.pem");
        _log = log;
    }

    public byte[] Fingerprint { get; }

    /// <summary>Whether it has been fetched.</summary>
    public bool IsKnown => Known() is not null;

    /// <summary>Empty until it has been fetched.</summary>
    public string Pem => Known() ?? "";

    /// <param name="certificate">One that has the fingerprint.</param>
    public void Take(X509Certificate2 certificate, Uri url)
    {
        var pem = certificate.ExportCertificatePem() + "\n";
        _pem = pem;
        Log.Taken(_log, certificate.Subject, url, Sha256Fingerprint.Text(Fingerprint));
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_file)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            AtomicFile.Write(_file, Encoding.ASCII.GetBytes(pem));
        }
        catch (ProblemException problem)
        {
            // The next start fetches it again.
            Log.NotKept(_log, problem.ToLogText());
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            Log.NotKept(_log, $"the folder of {_file} cannot be made");
        }
    }

    /// <summary>The file is read at the first use: the start of a device that is provisioned parses no certificate.</summary>
    private string? Known()
    {
        if (_isLoaded) return _pem;
        var loaded = Load();
        _pem ??= loaded;
        _isLoaded = true;
        return _pem;
    }

    private string? Load()
    {
        try
        {
            if (!File.Exists(_file)) return null;
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(_file));
            if (CryptographicOperations.FixedTimeEquals(SHA256.HashData(certificate.RawDataMemory.Span), Fingerprint)) return certificate.ExportCertificatePem() + "\n";
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or CryptographicException)
        {
            Log.NotRead(_log, _file);
            return null;
        }

        Log.NotRead(_log, _file);
        return null;
    }

    private static partial class Log
    {
        [LoggerMessage(360, LogLevel.Information, "trust anchor taken: '{Subject}' from {Url}, which has the approved fingerprint {Fingerprint}")]
        public static partial void Taken(ILogger logger, string subject, Uri url, string fingerprint);

        [LoggerMessage(361, LogLevel.Warning, "the approved CA certificate stays in memory only: {Problem}")]
        public static partial void NotKept(ILogger logger, string problem);

        [LoggerMessage(362, LogLevel.Warning, "{File} is not the approved CA certificate; it is fetched again")]
        public static partial void NotRead(ILogger logger, string file);
    }
}
