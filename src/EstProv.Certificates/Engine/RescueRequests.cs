using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Client;
using EstProv.Certificates.Distrust;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <param name="State"><c>current</c>: there is a new EST identity. <c>pending</c>: not yet. <c>taken</c>: the file's anchors are.</param>
/// <param name="Problem">While pending, what the last attempt failed with; null when there was none.</param>
internal sealed record RescueAnswer(string State, CredentialProblem? Problem);

/// <summary>
/// What an operator brings when all else has expired: a one-time credential, or a signed rescue file. Each use, and each refusal, is an audit line
/// and a change.
/// </summary>
internal sealed class RescueRequests(EngineParts parts, CredentialEngine engine)
{
    private CredentialTable Table => engine.Table;

    /// <summary>Gets another EST identity with a user name and a password, which are forgotten when it is there, or refused too often, or a day later.</summary>
    /// <param name="password">Taken over.</param>
    /// <param name="by">Who brings it, for the audit.</param>
    /// <exception cref="ProblemException"><c>rescue_*</c>.</exception>
    public RescueAnswer Bring(string user, LockedSecret password, string by, TimeSpan wait, CancellationToken cancel)
    {
        var grant = new RescueGrant(RescueWay.OneTime, by, null) { Username = user, Password = password, Since = parts.Time.GetTimestamp() };
        try
        {
            return Audited(by, () => Use(Identity(), grant, wait, cancel));
        }
        catch (ProblemException)
        {
            grant.Dispose();
            throw;
        }
    }

    /// <summary>Does what a rescue file allows.</summary>
    /// <exception cref="ProblemException"><c>rescue_*</c>.</exception>
    public RescueAnswer Bring(byte[] file, string by, TimeSpan wait, CancellationToken cancel) => Audited(by, () =>
    {
        var (identity, desk) = (Identity(), parts.Rescue ?? throw RescueProblems.NotConfigured());
        var rescuers = desk.Rescuers();
        var (names, keys) = engine.Identities.WhoWeAre();
        var (order, signer, refusals) = desk.Accept(file, Minting(rescuers), names, keys);
        var who = $"file {order.Serial} signed by '{signer}', brought by {by}";
        if (order.Allow == RescueAllowance.Anchors)
        {
            desk.AddAnchors(order);
            parts.Events.Rescue(identity.Id, "anchors", who);
            lock (Table.Gate) Wake(identity);
            engine.Evaluate();
            return new RescueAnswer("taken", null);
        }

        if (order.Allow == RescueAllowance.Bootstrap && parts.Configuration.Est!.BootstrapIdentityCert is null) throw RescueProblems.NoBootstrap();
        var way = order.Allow == RescueAllowance.Bootstrap ? RescueWay.Bootstrap : RescueWay.OneTime;
        var grant = new RescueGrant(way, who, order.NotAfter)
        {
            Serial = order.Serial,
            Username = order.Username,
            Password = order.Password,
            Since = parts.Time.GetTimestamp(),
            Refusals = refusals,
        };
        try
        {
            return Use(identity, grant, wait, cancel);
        }
        catch (ProblemException)
        {
            grant.Dispose();
            throw;
        }
    });

    private RescueAnswer Audited(string by, Func<RescueAnswer> bring)
    {
        try
        {
            return bring();
        }
        catch (ProblemException problem)
        {
            parts.Events.RescueRefused(by, problem);
            throw;
        }
    }

    private Credential Identity() => parts.Rescue is not null && Table.Identity is { } identity ? identity : throw RescueProblems.NoIdentity();

    /// <summary>Gets another EST identity by what the grant allows; the one in use stays until the new one is proved.</summary>
    public RescueAnswer Use(Credential identity, RescueGrant grant, TimeSpan wait, CancellationToken cancel)
    {
        var (before, replaced) = (0, (StoredCertificate?)null);
        // An attempt that is under way knows nothing of it, and its failure would be taken for this one's.
        engine.Exclusively(identity, () =>
        {
            if (ReferenceEquals(identity, Table.Identity))
            {
                parts.Est!.Drop(Issuing.ShownCredential.OneTime);
                parts.Rescue!.Hold(grant);
            }

            lock (Table.Gate)
            {
                identity.Rescue = grant;
                // What was prepared was for another way.
                identity.Prepared = null;
                (before, replaced) = (engine.DisappointmentsOf(identity), identity.Current);
                Wake(identity);
            }

            parts.Events.Rescue(identity.Id, grant.Way == RescueWay.OneTime ? "one-time credential" : "bootstrap identity", grant.By);
        }, cancel);
        engine.WaitUntil(wait < CredentialRequests.LongestWait ? wait : CredentialRequests.LongestWait,
            () => IsThere(identity, replaced) || engine.DisappointmentsOf(identity) > before, cancel);
        lock (Table.Gate) return IsThere(identity, replaced) ? new RescueAnswer("current", null) : new RescueAnswer("pending", engine.ProblemOf(identity));
    }

    private static bool IsThere(Credential identity, StoredCertificate? replaced) =>
        identity is { Busy: false, Rescue: null, Current: { } current, Key: not null, KeyMissing: false } && !ReferenceEquals(current, replaced);

    /// <summary>Whatever waits, for whatever it waits, has another chance now. Under the gate.</summary>
    private void Wake(Credential identity)
    {
        identity.Wanted = true;
        foreach (var credential in Table.Credentials)
        {
            if (credential.Pending is null || ReferenceEquals(credential, identity)) credential.WaitsFor = TimeSpan.Zero;
        }
    }

    /// <summary>By which EST servers are verified, and what the device's own certificates are under.</summary>
    private List<X509Certificate2> Minting(X509Certificate2Collection rescuers)
    {
        var minting = new List<X509Certificate2>();
        List<StoredCertificate> stored = [];
        lock (Table.Gate)
        {
            foreach (var credential in Table.Credentials)
            {
                if (credential.Current is { } current) stored.Add(current);
            }

            // What callers have brought says nothing of who issues here.
            foreach (var other in Table.Others)
            {
                if (other.Kind == StoredKind.Issued) stored.Add(other);
            }
        }

        foreach (var certificate in stored) Add(() => IssuerPath.Of(PemText.Parse(engine.Identities.ChainOf(certificate)), rescuers), 1);
        foreach (var id in Trusted(parts.Configuration.Est!)) Add(() => [.. PemText.Parse(parts.Preloaded.ReadAny(id))], 0);
        foreach (var url in parts.Configuration.Est!.Urls.Values) Add(() => [.. parts.Est?.AnchorsOf(url.Value) ?? []], 0);
        return minting;

        void Add(Func<IReadOnlyList<X509Certificate2>> read, int from)
        {
            try
            {
                var certificates = read();
                for (var i = from; i < certificates.Count; i++) minting.Add(certificates[i]);
            }
            catch (Exception cause) when (cause is ProblemException or CryptographicException)
            {
                // What cannot be read verifies nobody.
                return;
            }
        }
    }

    private IReadOnlyList<string> Trusted(EstIssuance est)
    {
        if (est.TrustedCerts is { } ids) return ids.Value;
        return parts.Preloaded.IsBundle(CertificateReader.TrustBundle) || parts.Preloaded.IsFile(CertificateReader.TrustBundle) ? [CertificateReader.TrustBundle] : [];
    }
}
