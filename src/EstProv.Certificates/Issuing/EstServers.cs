using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Rescue;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Platform;
using EstProv.Platform.Network;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging;

namespace EstProv.Certificates.Issuing;

/// <summary>
/// Connections to the EST servers: one for each server and credential, shared by its labels, so that the connection on which a new EST identity was
/// proved carries the enrolments after it.
/// </summary>
internal sealed class EstServers : IEstServers, IDisposable
{
    /// <summary>How long a label's cacerts are good for; failed attempts in between need not fetch them again.</summary>
    private static readonly TimeSpan CaCertificatesLifetime = TimeSpan.FromMinutes(10);

    private readonly EstIssuance _configuration;
    private readonly TrustAnchors _anchors;
    private readonly LearntAnchors _learnt;
    private readonly ITlsIdentities _identities;
    private readonly BelievedClock _clock;
    private readonly Lock _gate = new();
    private readonly EstSessions _sessions;
    private readonly Func<RescueGrant?>? _oneTime;
    private readonly Dictionary<string, (X509Certificate2Collection Certificates, long At)> _caCertificates = new(StringComparer.Ordinal);
    private readonly CsrAttributesSource _attributes;

    private readonly ILogger _log;
    private readonly ProxyChoice? _proxies;

    /// <param name="oneTime">The one-time credential that an operator brought; null for none.</param>
    /// <param name="environmentProxies">What the environment says, where the configuration does not; null for none.</param>
    public EstServers(EstIssuance configuration, TrustAnchors anchors, LearntAnchors learnt, ITlsIdentities identities, BelievedClock clock, ILogger log,
        Func<RescueGrant?>? oneTime = null, ProxyChoice? environmentProxies = null)
    {
        _oneTime = oneTime;
        _configuration = configuration;
        _log = log;
        _proxies = configuration.Proxy switch
        {
            null => environmentProxies,
            { Value: "none" } => null,
            { } proxy => ProxyChoice.Always(proxy.Value, $"{proxy.Position}"),
        };
        _anchors = anchors;
        _learnt = learnt;
        _identities = identities;
        _sessions = new EstSessions((url, shown, trusted) => new EstClient(Describe(url, shown, trusted), log), identities);
        _clock = clock;
        _attributes = new CsrAttributesSource(clock, CaCertificatesLifetime);
    }

    public CsrAttributes AttributesOf(Uri url, ShownCredential shown, out string? note, CancellationToken cancel)
    {
        // The label's CAs come first (RFC 7030 section 4.1.2): they may be what the rest is verified by.
        TrustFor(url, shown, cancel);
        var attributes = _attributes.Get(LabelKey(url, shown), () =>
        {
            using var session = _sessions.Take(url, shown, _anchors.Read(url));
            return Ask(url, session.Client.GetCsrAttributesAsync(cancel));
        }, out note);
        if (note is not null) note = $"{url} (credential '{shown.Name}'): {note}";
        return attributes;
    }

    public EstOutcome Enroll(EstOrder order, CancellationToken cancel)
    {
        var (anchors, caCertificates) = TrustFor(order.Url, order.Shown, cancel);
        using var session = _sessions.Take(order.Url, order.Shown, Anchors(order.Url, cancel));
        var answer = Send(session.Client, order, cancel);
        if (answer is EstEnrollment.Pending pending) return new EstOutcome.Pending(pending.RetryAfter);

        var certificates = ((EstEnrollment.Issued)answer).Certificates;
        var from = new IssuedFrom { Url = order.Url, Credential = order.Shown.Name, CertificateId = order.Id, AlternativeNames = order.AlternativeNames };
        try
        {
            return new EstOutcome.Issued(IssuedCertificateCheck.Verify(
                certificates, order.SubjectPublicKeyInfo, order.Subject, order.CaWanted, anchors, caCertificates, _clock, from));
        }
        catch (ProblemException)
        {
            // The CA may have rolled over since: the next attempt asks for its certificates again.
            lock (_gate) _caCertificates.Remove(LabelKey(order.Url, order.Shown));
            throw;
        }
    }

    /// <summary>Bound to its TLS session where that is configured, or where the server asks for it and it can be had.</summary>
    private EstEnrollment Send(EstClient client, EstOrder order, CancellationToken cancel)
    {
        var operation = order.Reenroll ? EstOperation.Reenroll : EstOperation.Simple;
        if (order.Signer is { } signer && (_configuration.ChannelBinding || order.RequestsChallengePassword))
        {
            try
            {
                return Ask(order.Url, client.EnrollBoundAsync(password => CertificateSigningRequests.Bind(order.Csr, password, signer), operation, cancel));
            }
            catch (ProblemException problem) when (!_configuration.ChannelBinding && problem.Code is "est_no_channel_binding" or "est_tls")
            {
                // The server asks for what it does not offer, a TLS 1.2 session; no request has left yet. Whether it insists, it will say.
                return Ask(order.Url, client.EnrollAsync(order.Csr, operation, cancel));
            }
        }

        return Ask(order.Url, client.EnrollAsync(order.Csr, operation, cancel));
    }

    public void Prove(Uri url, ShownCredential shown, CancellationToken cancel)
    {
        _sessions.Renew(url, shown);
        using var session = _sessions.Take(url, shown, Anchors(url, cancel));
        try
        {
            Ask(url, session.Client.GetCsrAttributesAsync(cancel));
        }
        catch (ProblemException problem) when (problem.Code is "est_server_error" or "est_busy" or "est_rejected" or "est_bad_answer" or "est_redirect")
        {
            // It may have no csrattrs to give, or not have let us in: nginx answers a client certificate that it does not accept with 400, whatever is asked for.
            CaCertificates(url, session.Client, cancel);
        }
    }

    public (X509Certificate2Collection Anchors, X509Certificate2Collection CaCertificates) TrustFor(Uri url, ShownCredential shown, CancellationToken cancel)
    {
        var label = LabelKey(url, shown);
        lock (_gate)
        {
            if (_caCertificates.TryGetValue(label, out var known) && _clock.TimeProvider.GetElapsedTime(known.At) < CaCertificatesLifetime)
                return (_anchors.Read(url).Certificates, known.Certificates);
        }

        var anchors = Anchors(url, cancel);
        using var session = _sessions.Take(url, shown, anchors);
        var sent = CaCertificates(url, session.Client, cancel);
        _learnt.Take(url, sent, anchors);
        anchors = _anchors.Read(url);
        var certificates = RootRollover.WithoutCrossCertificates(sent, anchors.Certificates);
        lock (_gate) _caCertificates[label] = (certificates, _clock.TimeProvider.GetTimestamp());
        return (anchors.Certificates, certificates);
    }

    public bool IsTrustDue => _learnt.Due(Urls()).Count > 0;

    public void RefreshTrust(ShownCredential shown, CancellationToken cancel)
    {
        ProblemException? first = null;
        foreach (var origin in _learnt.Due(Urls()))
        {
            _learnt.MarkAsked(origin);
            foreach (var url in Urls())
            {
                if (LearntAnchors.OriginOf(url) != origin) continue;
                try
                {
                    lock (_gate) _caCertificates.Remove(LabelKey(url, shown));
                    TrustFor(url, shown, cancel);
                }
                catch (ProblemException problem)
                {
                    first ??= problem;
                }
            }
        }

        if (first is not null) throw first;
    }

    private IEnumerable<Uri> Urls()
    {
        foreach (var url in _configuration.Urls.Values) yield return url.Value;
    }

    /// <summary>Over TLS that was verified: an unverified server gets no request at all. One that has none to give leaves the anchors to judge.</summary>
    private X509Certificate2Collection CaCertificates(Uri url, EstClient client, CancellationToken cancel)
    {
        try
        {
            return Ask(url, client.GetCaCertificatesAsync(cancel));
        }
        catch (ProblemException problem) when (problem.Code == "est_not_found")
        {
            return [];
        }
    }

    public void DemandTrust(Uri url, ShownCredential shown, string deviceCaPem, CancellationToken cancel)
    {
        using var session = _sessions.Take(url, shown, _anchors.Read(url, deviceCaPem));
        try
        {
            CaCertificates(url, session.Client, cancel);
        }
        catch (ProblemException problem) when (problem.Code == "est_tls_untrusted")
        {
            throw new ProblemException("device_ca_unusable",
                $"with this device CA in use the EST server at {url.Authority} could not be trusted any more: the path of its certificate runs through a CA under the one that signs device CAs",
                "let another CA sign device CAs, or have the EST server's certificate issued by a CA, or under a root, that devices' CAs are not under", 503, problem);
        }
        catch (ProblemException)
        {
            // It cannot be asked now, and may be another one by the time that it can.
            return;
        }
    }

    public X509Certificate2Collection AnchorsOf(Uri url) => _anchors.Read(url).Certificates;

    public string ExplainTrust(Uri url) => _anchors.Explain(url);

    public string? ExplainProxy(Uri url) => _proxies?.For(url.IdnHost.Trim('[', ']'), url.Port) is { } proxy
        ? $"{proxy}{(proxy.Authorization is null ? "" : ", with its user name and password")}, set by {_proxies.Source}" : null;

    public EstReach Reach(Uri url, CancellationToken cancel)
    {
        var nobody = new ShownCredential("none", null, null);
        try
        {
            using var session = _sessions.Take(url, nobody, Anchors(url, cancel));
            return Reach(url, session.Client, cancel);
        }
        finally
        {
            _sessions.Drop(nobody);
        }
    }

    private EstReach Reach(Uri url, EstClient client, CancellationToken cancel)
    {
        try
        {
            Ask(url, client.GetCaCertificatesAsync(cancel));
            return new EstReach(true);
        }
        catch (ProblemException problem) when (problem.Code is "est_unauthorized" or "est_forbidden")
        {
            return new EstReach(true) { WantsCredential = true };
        }
        catch (ProblemException problem) when (problem.Code == "est_tls_alert" || (problem.Code == "est_reset" && client.IsVerified))
        {
            // With TLS 1.3 the alert comes when the server is verified already, and the end of the connection may overtake it.
            return new EstReach(client.IsVerified) { WantsCredential = true };
        }
        catch (ProblemException problem) when (HasAnswered(problem) || problem.Code == "est_not_found")
        {
            return new EstReach(true) { Problem = problem };
        }
    }

    public bool? IsTrustedWithout(Uri url, IssuerName distrusted, CancellationToken cancel)
    {
        var nobody = new ShownCredential("none", null, null);
        try
        {
            using var session = _sessions.Take(url, nobody, _anchors.Read(url, distrusted: distrusted));
            CaCertificates(url, session.Client, cancel);
            return true;
        }
        catch (ProblemException problem)
        {
            if (problem.Code is "est_tls_untrusted") return false;
            return HasAnswered(problem) ? true : null;
        }
        finally
        {
            _sessions.Drop(nobody);
        }
    }

    /// <summary>Over TLS that was verified.</summary>
    private static bool HasAnswered(ProblemException problem) =>
        problem.Code is "est_unauthorized" or "est_forbidden" or "est_rejected" or "est_server_error" or "est_busy" or "est_bad_answer";

    public void Forget(ShownCredential inUse) => _sessions.Forget(inUse);

    public void Drop(ShownCredential refused) => _sessions.Drop(refused);

    public void Dispose() => _sessions.Dispose();

    /// <summary>What the servers are verified against. Where that is a CA of which only the fingerprint is known, it is fetched first.</summary>
    private AnchorSet Anchors(Uri url, CancellationToken cancel)
    {
        if (_anchors.Approved is { IsKnown: false } approved)
        {
            var nobody = new EstServer { BaseUrl = url, Trust = new EstTrust { Anchors = [] }, Clock = _clock, Proxies = _proxies };
            approved.Take(Ask(url, EstBootstrap.FetchAnchorAsync(nobody, approved.Fingerprint, _log, cancel)), url);
        }

        return _anchors.Read(url);
    }

    private EstServer Describe(Uri url, ShownCredential shown, AnchorSet anchors) => new()
    {
        BaseUrl = url,
        Trust = new EstTrust
        {
            Anchors = anchors.Certificates,
            System = _configuration.TrustSystem,
            DeviceCaIssuers = anchors.DeviceCaIssuers,
            IsDistrusted = anchors.IsDistrusted,
        },
        Clock = _clock,
        ClientCertificate = shown.ChainPem is null ? null : _identities.Open(shown),
        Username = shown == ShownCredential.OneTime ? _oneTime?.Invoke()?.Username : shown.Username,
        Password = shown == ShownCredential.OneTime ? () => _oneTime?.Invoke()?.ReadPassword() : () => ReadPassword(shown.PasswordFile),
        Headers = _configuration.Headers,
        PasswordUse = _configuration.PasswordIsHashed ? EstPasswordUse.Digest : EstPasswordUse.Basic,
        Proxies = _proxies,
        Credential = shown.Name,
    };

    private static string? ReadPassword(Positioned<string>? passwordFile)
    {
        if (passwordFile is not { } file) return null;
        try
        {
            return File.ReadAllText(file.Value).TrimEnd('\r', '\n');
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException("est_no_password", $"{file.Position}: cannot read the password file {file.Value}",
                "the file must exist and be readable for the Certificates Service's user (estprov-certd)", 503, cause);
        }
    }

    private static string LabelKey(Uri url, ShownCredential shown) => $"{shown.Name} {url}";

    private T Ask<T>(Uri url, Task<T> task)
    {
        try
        {
            return task.GetAwaiter().GetResult();
        }
        catch (ProblemException problem) when (problem.Code == "est_tls_untrusted" && _learnt.Knows(url))
        {
            // It was trusted before: a root was replaced while nobody looked, or this is another server.
            throw new ProblemException(problem.Code, problem.Message,
                problem.Hint + "; this server was trusted before: if its root was replaced while the device was away, bring the new root's file "
                    + "and name it in [preloaded_certs] and in trusted_certs or the trust bundle, or set ca_fingerprint; "
                    + "the device keeps what it has, and tries on",
                problem.Status, problem);
        }
    }
}
