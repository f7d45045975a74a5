using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Paths;
using Microsoft.Extensions.Logging;

namespace EstProv.Est.Transport;

/// <summary>Whether a TLS server is the one that we want (RFC 7030 section 3.6). Says why not.</summary>
/// <remarks>One for all labels of a server, so a refusal names no URL; who reports it does.</remarks>
internal sealed partial class ServerVerifier(TlsServer server, ILogger logger)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth, RFC 5280 section 4.2.1.12
    private const string CmcRegistrationAuthority = "1.3.6.1.5.5.7.3.28"; // id-kp-cmcRA, RFC 6402 section 2.10

    private volatile ServerRefusal? _refusal;
    private volatile Validity? _accepted;

    private sealed record Validity(DateTimeOffset From, DateTimeOffset To);

    /// <summary>Why the last server was refused; null when it was accepted, or not seen yet.</summary>
    public ServerRefusal? Refusal => _refusal;

    public void Forget() => _refusal = null;

    /// <summary>A server that claims a time outside of its own certificate's validity is not believed.</summary>
    public bool IsPlausible(DateTimeOffset serverTime) => _accepted is { } validity && serverTime >= validity.From && serverTime <= validity.To;

    public bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (server.Unverified) return true;
        if (certificate is null)
        {
            _refusal = new ServerRefusal(Code("certificate"), "it has no certificate", $"check that the URL is {server.Kind}'s");
            return false;
        }

        using var copy = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        _refusal = Judge(copy, chain?.ChainPolicy.ExtraStore ?? []);
        if (_refusal is not null) return false;
        _accepted = new Validity(new(copy.NotBefore.ToUniversalTime()), new(copy.NotAfter.ToUniversalTime()));
        if (!server.Clock.IsBelieved) Log.ClockNotBelieved(logger, server.Url, Names.Clock(server.Clock));
        return true;
    }

    private ServerRefusal? Judge(X509Certificate2 leaf, X509Certificate2Collection sent)
    {
        var isExplicit = true;
        var path = CertificatePath.Build(leaf, server.Trust.Anchors, sent, server.Clock, ServerAuthentication);
        if (path.Failure is { Kind: PathFailureKind.UnknownIssuer } && server.Trust.System)
        {
            isExplicit = false;
            path = CertificatePath.BuildWithSystemTrust(leaf, sent, server.Clock, ServerAuthentication);
        }

        if (path.Failure is { } failure) return Explain(failure, leaf);
        if (DistrustedIn(path) is { } distrusted)
        {
            return new ServerRefusal(Code("untrusted"), $"its certificate's path runs through '{Names.Subject(distrusted)}', which is distrusted on this device",
                $"{server.Kind}'s certificate must come from a CA that is trusted");
        }

        if (DeviceCaIn(path) is { } deviceCa)
        {
            return new ServerRefusal(Code("untrusted"), $"its certificate's path runs through '{Names.Subject(deviceCa)}', issued by a CA that signs device CAs",
                $"{server.Kind}'s certificate must come from a CA that devices cannot sign for");
        }

        if (MatchesHost(leaf)) return null;
        if (server.Trust.AllowCmcRa && isExplicit && HasUsage(leaf, CmcRegistrationAuthority)) return null;
        return new ServerRefusal(Code("name"), $"its certificate is not for the host '{server.Url.IdnHost}' but for: {Names.Hosts(leaf)}",
            "correct the host name in the URL, or give the server a certificate with that name");
    }

    private ServerRefusal Explain(PathFailure failure, X509Certificate2 leaf)
    {
        var who = failure.Certificate.Equals(leaf) ? $"its certificate '{Names.Subject(leaf)}'" : $"the CA certificate '{Names.Subject(failure.Certificate)}'";
        var clock = Names.Clock(server.Clock);
        return failure.Kind switch
        {
            PathFailureKind.UnknownIssuer => new ServerRefusal(Code("untrusted"),
                $"its certificate '{Names.Subject(leaf)}' leads to the unknown CA '{Names.Issuer(failure.Certificate)}'; trusted are: {Names.Anchors(server.Trust.Anchors)}"
                    + (server.Trust.System ? ", and the system's store" : ""),
                "add that CA's certificate to the trusted ones, if it is the right one; a missing intermediate is the server's fault"),
            PathFailureKind.Expired => new ServerRefusal(Code("expired"), $"{who} is not accepted: {failure.Detail}, {clock}",
                "renew the server's certificate, or set the device's clock"),
            PathFailureKind.NotYetValid => new ServerRefusal(Code("not_yet_valid"), $"{who} is not accepted: {failure.Detail}, {clock}", "set the device's clock"),
            _ => new ServerRefusal(Code("certificate"), $"{who} is not accepted: {failure.Detail}", "the server needs another certificate"),
        };
    }

    private bool MatchesHost(X509Certificate2 leaf)
    {
        try
        {
            return leaf.MatchesHostname(server.Url.IdnHost.Trim('[', ']'));
        }
        catch (CryptographicException)
        {
            // Subject or SAN cannot be read.
            return false;
        }
    }

    private X509Certificate2? DistrustedIn(PathResult path)
    {
        if (server.Trust.IsDistrusted is not { } isDistrusted) return null;
        foreach (var certificate in path.Certificates)
        {
            if (isDistrusted(certificate)) return certificate;
        }

        return null;
    }

    private X509Certificate2? DeviceCaIn(PathResult path)
    {
        for (var i = 1; i + 1 < path.Certificates.Count; i++)
        {
            foreach (var issuer in server.Trust.DeviceCaIssuers)
            {
                if (path.Certificates[i + 1].PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(issuer.PublicKey.ExportSubjectPublicKeyInfo()))
                {
                    return path.Certificates[i];
                }
            }
        }

        return null;
    }

    private string Code(string what) => $"{server.Codes}_tls_{what}";

    private static bool HasUsage(X509Certificate2 certificate, string usage)
    {
        foreach (var extension in certificate.Extensions)
        {
            if (extension is not X509EnhancedKeyUsageExtension usages) continue;
            foreach (var oid in usages.EnhancedKeyUsages)
            {
                if (oid.Value == usage) return true;
            }
        }

        return false;
    }

    private static partial class Log
    {
        [LoggerMessage(204, LogLevel.Warning, "{Url}: the server's certificate was not judged by the clock alone: {Clock}")]
        public static partial void ClockNotBelieved(ILogger logger, Uri url, string clock);
    }
}
