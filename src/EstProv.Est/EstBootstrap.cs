using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Messages;
using EstProv.Est.Paths;
using EstProv.Est.Transport;
using EstProv.Platform;
using Microsoft.Extensions.Logging;

namespace EstProv.Est;

/// <summary>
/// Distribution of CA certificates to a client that has no trust anchor yet, but a fingerprint that its operator approved (RFC 7030 section 4.1.1).
/// </summary>
public static class EstBootstrap
{
    private const int MostShown = 5;

    /// <summary>
    /// Asks a server that is not verified for its CA certificates, shows it nothing, and keeps the one that has the fingerprint. What else the server gave is
    /// thrown away. Everything after this needs an <see cref="EstClient"/> of its own, whose TLS session is verified by that anchor.
    /// </summary>
    /// <param name="server">Where; of the rest only clock, proxies and time-out are used: no client certificate, user name or password leaves.</param>
    /// <param name="fingerprint">SHA-256 of the CA certificate (<see cref="Sha256Fingerprint.Parse"/>).</param>
    /// <exception cref="ProblemException"><c>est_fingerprint</c>: none of them is the one; what <see cref="EstClient"/> lists.</exception>
    public static async Task<X509Certificate2> FetchAnchorAsync(EstServer server, byte[] fingerprint, ILogger logger, CancellationToken cancel)
    {
        using var exchange = EstExchange.Unverified(server, logger);
        var reply = await exchange.GetHereAsync("cacerts", cancel).ConfigureAwait(false);
        if (reply.Status != 200) throw StatusProblems.Explain(reply, server with { ClientCertificate = null, Username = null });
        var certificates = CertsOnly.Decode(reply);
        foreach (var certificate in certificates)
        {
            if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(certificate.RawDataMemory.Span), fingerprint)) continue;
            return IsCa(certificate) ? certificate : throw new ProblemException("est_fingerprint",
                $"{reply.Url}: the certificate with the fingerprint {Sha256Fingerprint.Text(fingerprint)} is '{Names.Subject(certificate)}', which is no CA's",
                "the fingerprint must be that of the CA certificate to which the EST server's own leads", 502);
        }

        throw new ProblemException("est_fingerprint",
            $"{reply.Url}: no CA certificate has the fingerprint {Sha256Fingerprint.Text(fingerprint)}; there are {Shown(certificates)}",
            "get the fingerprint from the CA's operator by another way than this server, and compare: somebody may stand in between", 502);
    }

    private static bool IsCa(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension constraints) return constraints.CertificateAuthority;
        }

        return false;
    }

    private static string Shown(X509Certificate2Collection certificates)
    {
        var shown = new List<string>();
        foreach (var certificate in certificates)
        {
            if (shown.Count == MostShown) break;
            shown.Add($"'{Names.Subject(certificate)}' {Sha256Fingerprint.Of(certificate.RawDataMemory.Span)}");
        }

        if (certificates.Count > MostShown) shown.Add($"{certificates.Count - MostShown} more");
        return string.Join(", ", shown);
    }
}
