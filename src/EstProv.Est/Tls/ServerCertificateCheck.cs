using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Est.Tls;

/// <summary>
/// Judges a TLS server's certificate by given anchors: RFC 5280 path validation, server authentication, validity by the believed clock, and
/// the host name always (but for id-kp-cmcRA by an explicit setting). One check serves one server; <see cref="Problem"/> says why it last refused.
/// </summary>
public sealed class ServerCertificateCheck
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth, RFC 5280 section 4.2.1.12
    private const string CmcRegistrationAuthority = "1.3.6.1.5.5.7.3.28"; // id-kp-cmcRA, RFC 6402 section 2.10

    private readonly Uri _url;
    private readonly string _service;
    private readonly ServerTrust _trust;
    private readonly BelievedClock _clock;
    private volatile ProblemException? _problem;

    /// <param name="url">The server; named in messages.</param>
    /// <param name="service">Begins the codes: <c>est</c> gives <c>est_tls_name</c>, <c>est_tls_untrusted</c>, <c>est_tls_expired</c>, <c>est_tls_not_yet_valid</c>, <c>est_tls_certificate</c>.</param>
    public ServerCertificateCheck(Uri url, string service, ServerTrust trust, BelievedClock clock)
    {
        _url = url;
        _service = service;
        _trust = trust;
        _clock = clock;
    }

    /// <summary>Why the last handshake's certificate was refused; null when none was.</summary>
    public ProblemException? Problem => _problem;

    /// <summary>TLS 1.2 or later with this check, and with <paramref name="client"/> as client certificate with its intermediates.</summary>
    public SslClientAuthenticationOptions CreateOptions(SslStreamCertificateContext? client) => new()
    {
        TargetHost = _url.IdnHost,
#pragma warning disable CA5398 // RFC 7030 section 3.3.1 asks for 1.2 or later, which a platform's default need not be.
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
#pragma warning restore CA5398
        ClientCertificateContext = client,
        CertificateChainPolicy = CreatePolicy(_trust.Anchors.Count > 0 || !_trust.System),
        RemoteCertificateValidationCallback = Verify,
    };

    private bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _problem = certificate is not X509Certificate2 leaf || chain is null
            ? Refuse("tls_certificate", "showed no certificate", "the server must be an HTTPS server")
            : Judge(leaf, chain, !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch));
        return _problem is null;
    }

    private ProblemException? Judge(X509Certificate2 leaf, X509Chain chain, bool nameMatches)
    {
        var byAnchor = _trust.Anchors.Count > 0 || !_trust.System;
        var problem = JudgePath(chain, byAnchor);
        if (problem is not null && byAnchor && _trust.System)
        {
            using var second = new X509Chain { ChainPolicy = CreatePolicy(byAnchor: false) };
            foreach (var element in chain.ChainElements) second.ChainPolicy.ExtraStore.Add(element.Certificate);
            second.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
            second.Build(leaf);
            if (JudgePath(second, byAnchor: false) is null)
            {
                problem = null;
                byAnchor = false;
            }
        }

        if (problem is not null) return problem;
        if (nameMatches || (byAnchor && _trust.AllowCmcRa && Has(leaf, CmcRegistrationAuthority))) return null;
        return Refuse("tls_name", $"showed a certificate for another name ({Names(leaf)})",
            $"use the name that the certificate is for in the URL, or give the server a certificate for '{_url.IdnHost}'");
    }

    private ProblemException? JudgePath(X509Chain chain, bool byAnchor)
    {
        var elements = chain.ChainElements;
        if (elements.Count == 0) return Refuse("tls_certificate", "showed a certificate that cannot be read", "see the server's certificate");
        var end = byAnchor ? AnchorIn(elements) : elements.Count - 1;
        for (var i = 0; i <= (end < 0 ? elements.Count - 1 : end); i++)
        {
            if (JudgeValidity(elements[i].Certificate) is { } problem) return problem;
        }

        var faults = X509ChainStatusFlags.NoError;
        foreach (var status in chain.ChainStatus) faults |= status.Status;
        faults &= ~(X509ChainStatusFlags.NotTimeValid | X509ChainStatusFlags.RevocationStatusUnknown | X509ChainStatusFlags.OfflineRevocation);
        if (byAnchor)
        {
            // An anchor need not be a root: whether the path runs into one is seen by its bytes.
            if (end < 0) return Untrusted(elements);
            faults &= ~(X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot);
        }

        if (faults.HasFlag(X509ChainStatusFlags.PartialChain) || faults.HasFlag(X509ChainStatusFlags.UntrustedRoot)) return Untrusted(elements);
        if (faults.HasFlag(X509ChainStatusFlags.NotValidForUsage))
        {
            return Refuse("tls_certificate", $"showed {Name(elements[0].Certificate)}, which is not for TLS servers", "give the server a certificate with the usage serverAuth");
        }

        return faults == X509ChainStatusFlags.NoError ? null : Refuse("tls_certificate",
            $"showed {Name(elements[0].Certificate)}, whose chain is not valid ({faults})", "see the server's certificate and those above it");
    }

    /// <summary>Design: where the clock is not believed, expired is judged at the floor and not-yet-valid not at all.</summary>
    private ProblemException? JudgeValidity(X509Certificate2 certificate)
    {
        var now = _clock.Now.UtcDateTime;
        var end = certificate.NotAfter.ToUniversalTime();
        if (now > end) return Refuse("tls_expired", $"showed {Name(certificate)}, which expired on {end:yyyy-MM-dd HH:mm:ss}Z", "renew the server's certificate; see the device's clock too");
        var start = certificate.NotBefore.ToUniversalTime();
        return _clock.IsBelieved && now < start
            ? Refuse("tls_not_yet_valid", $"showed {Name(certificate)}, which is valid from {start:yyyy-MM-dd HH:mm:ss}Z on only", "see the device's clock and the server's")
            : null;
    }

    private X509ChainPolicy CreatePolicy(bool byAnchor)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = byAnchor ? X509ChainTrustMode.CustomRootTrust : X509ChainTrustMode.System,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTime = _clock.Now.UtcDateTime,
            VerificationTimeIgnored = false,
        };
        policy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        if (byAnchor) policy.CustomTrustStore.AddRange(_trust.Anchors);
        return policy;
    }

    /// <summary>The lowest element that is an anchor; -1 when none is.</summary>
    private int AnchorIn(X509ChainElementCollection elements)
    {
        for (var i = 0; i < elements.Count; i++)
        {
            foreach (var anchor in _trust.Anchors)
            {
                if (anchor.RawDataMemory.Span.SequenceEqual(elements[i].Certificate.RawDataMemory.Span)) return i;
            }
        }

        return -1;
    }

    private ProblemException Untrusted(X509ChainElementCollection elements) => Refuse("tls_untrusted",
        $"showed {Name(elements[0].Certificate)}, which leads to no trusted certificate (the chain ends at {elements[^1].Certificate.Issuer})",
        "add the server's CA to the certificates that this connection trusts");

    private ProblemException Refuse(string code, string what, string hint) => new($"{_service}_{code}", $"{_url} {what}", hint, 503);

    private static string Name(X509Certificate2 certificate) => $"'{certificate.Subject}' (issuer '{certificate.Issuer}')";

    private static bool Has(X509Certificate2 certificate, string usage)
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

    private static string Names(X509Certificate2 certificate)
    {
        var names = new List<string>();
        foreach (var extension in certificate.Extensions)
        {
            if (extension is not X509SubjectAlternativeNameExtension alternative) continue;
            names.AddRange(alternative.EnumerateDnsNames());
            foreach (var address in alternative.EnumerateIPAddresses()) names.Add(address.ToString());
        }

        return names.Count == 0 ? certificate.Subject : string.Join(", ", names);
    }
}
