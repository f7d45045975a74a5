using System.Text;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Store;

/// <summary>
/// <c>[preloaded_certs]</c>: files of the operator's, read each time they are used since he may change them, and bundles of ids. Nothing here writes or deletes them.
/// </summary>
internal sealed partial class PreloadedCertificates(CertdConfiguration configuration, ILogger log)
{
    private const int LargestFile = 4 * 1024 * 1024;

    public bool IsFile(string id) => configuration.PreloadedFiles.ContainsKey(id);

    public bool IsBundle(string id) => configuration.PreloadedBundles.ContainsKey(id);

    public IEnumerable<string> FileIds => configuration.PreloadedFiles.Keys;

    /// <summary>The certificates of an operator's file as PEM, and the hash of its content.</summary>
    /// <exception cref="ProblemException"><c>preloaded_missing</c>, <c>preloaded_unreadable</c>, <c>preloaded_no_certificate</c>, naming the line of the configuration.</exception>
    public (string Pem, string Hash) ReadFile(string id)
    {
        var entry = configuration.PreloadedFiles[id];
        byte[] content;
        try
        {
            using var stream = new FileStream(entry.Value, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            if (stream.Length > LargestFile) throw NoCertificate(id, entry);
            content = new byte[stream.Length];
            stream.ReadExactly(content);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ProblemException("preloaded_missing", $"{entry.Position}: certificate '{id}': no such file: {entry.Value}",
                "put the file there, or correct the path in [preloaded_certs]", 503, cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ProblemException("preloaded_unreadable", $"{entry.Position}: certificate '{id}': cannot read {entry.Value}",
                "the file must be readable for the Certificates Service's user (estprov-certd), each folder above it passable", 503, cause);
        }

        var pem = PemText.CertificatesOf(content);
        if (pem.Length == 0) throw NoCertificate(id, entry);
        return (pem, ContentHash.Of(content));
    }

    /// <summary>
    /// All certificates of a bundle, resolved through bundles in it; an id that is no preloaded one is asked of <paramref name="stored"/>. A member that
    /// cannot be had is logged and left out, as long as there is another.
    /// </summary>
    /// <exception cref="ProblemException">No member can be had: the first one's problem.</exception>
    public string ReadBundle(string id, Func<string, string?> stored)
    {
        var pem = new StringBuilder();
        ProblemException? first = null;
        Add(id, [], pem, stored, ref first);
        if (pem.Length == 0)
        {
            throw first ?? new ProblemException("preloaded_no_certificate",
                $"{configuration.PreloadedBundles[id].Position}: the bundle '{id}' is empty", "list certificate ids in it", 503);
        }

        return pem.ToString();
    }

    /// <summary>A file or a bundle of files.</summary>
    public string ReadAny(string id) => IsBundle(id) ? ReadBundle(id, static _ => null) : ReadFile(id).Pem;

    private void Add(string id, HashSet<string> seen, StringBuilder pem, Func<string, string?> stored, ref ProblemException? first)
    {
        if (!seen.Add(id)) return;
        if (configuration.PreloadedBundles.TryGetValue(id, out var members))
        {
            foreach (var member in members.Value)
            {
                try
                {
                    if (!IsBundle(member) && !IsFile(member) && stored(member) is null)
                    {
                        throw new ProblemException("certificate_not_found",
                            $"{members.Position}: the bundle '{id}' names '{member}', which is no certificate", "add it to [preloaded_certs]", 503);
                    }

                    Add(member, seen, pem, stored, ref first);
                }
                catch (ProblemException problem)
                {
                    first ??= problem;
                    Log.Skipped(log, id, problem.ToLogText());
                }
            }
        }
        else
        {
            pem.Append(IsFile(id) ? ReadFile(id).Pem : stored(id));
        }
    }

    /// <summary>Of a file, or a bundle of files, whose PEM is there and cannot be parsed.</summary>
    public ProblemException Damaged(string id, Exception cause)
    {
        var where = configuration.PreloadedFiles.TryGetValue(id, out var file) ? $"{file.Position}: certificate '{id}': {file.Value} holds a certificate"
            : configuration.PreloadedBundles.TryGetValue(id, out var bundle) ? $"{bundle.Position}: certificate '{id}': a file of this bundle holds a certificate"
            : $"certificate '{id}' holds a certificate";
        return new("preloaded_no_certificate", $"{where} that cannot be read",
            "it was cut or changed: bring the file anew; openssl x509 -noout -subject -in FILE must read it", 503, cause);
    }

    private static ProblemException NoCertificate(string id, Positioned<string> entry) => new("preloaded_no_certificate",
        $"{entry.Position}: certificate '{id}': {entry.Value} holds no certificate", "it must be PEM with CERTIFICATE blocks, or one certificate in DER", 503);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "bundle '{Bundle}': left out a member: {Problem}")]
        public static partial void Skipped(ILogger logger, string bundle, string problem);
    }
}
