using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>A certificate is issued, by an EST server, by the CA of this device or by itself, and staged.</summary>
internal sealed partial class CredentialSteps
{
    private sealed record Issued(StoredCertificate Certificate, PreparedRequest Prepared);

    /// <summary>Before the id of a CA of ours, in the place of a URL.</summary>
    public const string LocalPrefix = "local:";

    /// <summary>Where locally minted certificates come from, in the place of a URL.</summary>
    public const string LocalUrl = LocalPrefix + CertificateProfiles.DeviceCa;

    /// <summary>Where a certificate comes from that its own key signed.</summary>
    public const string SelfUrl = "local:self";

    /// <returns>False when the server asks for patience.</returns>
    private bool Issue(Credential credential, CancellationToken cancel)
    {
        var started = parts.Time.GetTimestamp();
        lock (table.Gate) credential.LastAttempt = parts.Clock.Now;
        Issued? issued = credential.Issuance!.Method switch
        {
            IssuanceMethod.DeviceCa => Mint(credential),
            IssuanceMethod.SelfSigned => SelfSign(credential),
            _ => Enroll(credential, cancel),
        };
        if (issued is not var (staged, prepared)) return false;

        staged = staged with
        {
            KeyId = credential.KeyId,
            RequestedName = staged.RequestedName ?? prepared.Plan.Name,
        };
        credential.CountAttempt(AttemptResult.Issued);
        parts.Events.Issued(staged, parts.Time.GetElapsedTime(started));
        Stage(credential, staged, prepared.Key);
        if (credential.Pending is not null) ForgetPending(credential);
        return true;
    }

    /// <summary>A new certificate, to be proved. Failures are not forgotten before it is in use: else what is issued and refused over and over would never slow down.</summary>
    public void Stage(Credential credential, StoredCertificate certificate, KeyReference key)
    {
        var file = credential.Operator?.OperatorFile;
        var staged = certificate with
        {
            // A file that was set aside must not come to count as older than this certificate.
            OperatorFile = file is not null && file == credential.RejectedOperatorFile ? credential.Stored?.OperatorFile : file,
            ProvedByCaller = credential.ProvedByCaller,
        };
        parts.Store.WriteStaged(staged);
        parts.Checkpoint?.Invoke("staged");
        lock (table.Gate)
        {
            credential.Staged = staged;
            credential.StagedKey = key;
            credential.Prepared = null;
            credential.Refusals = 0;
            credential.RenewalAsked = false;
            Monitor.PulseAll(table.Gate);
        }

        parts.Events.Staged(staged);
        EndRescue(credential, "it has done its work");
    }

    /// <summary>What an operator brought is good for one certificate.</summary>
    public void EndRescue(Credential credential, string why)
    {
        RescueGrant? grant;
        lock (table.Gate) (grant, credential.Rescue) = (credential.Rescue, null);
        if (grant is null) return;
        if (grant.Way == RescueWay.OneTime) parts.Est?.Drop(ShownCredential.OneTime);
        parts.Events.RescueEnded(credential.Id, grant, why);
        try
        {
            parts.Rescue?.End(grant);
        }
        catch (ProblemException problem)
        {
            parts.Events.Note(credential.Id, $"the rescue file {grant.Serial} could not be marked as used: {problem.ToLogText()}");
        }
    }

    /// <summary>An attempt with it has failed: a server's no counts, a network's does not.</summary>
    public void CountRescue(Credential credential, ProblemException problem)
    {
        if (credential.Rescue is not { } grant || parts.Rescue is not { } desk) return;
        var isShown = credential.LastCredential == (grant.Way == RescueWay.OneTime ? ShownCredential.OneTime.Name : table.AccessOf(credential.Id)?.BootstrapIdentityCert);
        try
        {
            if (desk.IsOver(grant)) EndRescue(credential, "its time is over");
            else if (isShown && (IsRefusal(problem) || problem.Code == "est_rejected") && !desk.MayTryAgain(grant)) EndRescue(credential, "the EST server has refused it too often");
        }
        catch (ProblemException write)
        {
            parts.Events.Note(credential.Id, $"a refusal of the rescue file {grant.Serial} could not be noted: {write.ToLogText()}");
        }
    }

    private Issued? Mint(Credential credential)
    {
        var prepared = Prepare(credential, CsrAttributes.None, null);
        var ca = identities.NeededFor(credential.Id, IssuanceMethod.DeviceCa)!;
        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (LocalUrl, ca.Id);
        StoredCertificate caCertificate;
        KeyReference caKey;
        lock (table.Gate) (caCertificate, caKey) = (ca.Current!, ca.Key!);
        var chain = Sign(ca, new LocalCa(PemText.Parse(identities.ChainOf(caCertificate)), KeySigner.Of(parts.Keys, caKey)), OrderFor(credential, prepared));
        return new Issued(Describe(credential.Id, chain[0], PemText.Of(chain), LocalUrl, ca.Id) with { IssuerSpki = caCertificate.Spki }, prepared);
    }

    private Issued SelfSign(Credential credential)
    {
        var prepared = Prepare(credential, CsrAttributes.None, null);
        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (SelfUrl, credential.Id);
        var leaf = LocalMint.SelfSign(OrderFor(credential, prepared), KeySigner.Of(parts.Keys, prepared.Key), parts.Clock);
        return new Issued(Describe(credential.Id, leaf, leaf.ExportCertificatePem() + "\n", SelfUrl, credential.Id), prepared);
    }

    private static MintOrder OrderFor(Credential credential, PreparedRequest prepared)
    {
        var key = PublicKey.CreateFromSubjectPublicKeyInfo(prepared.Key.SubjectPublicKeyInfo, out _);
        return new MintOrder(key, SubjectOf(prepared.Plan), credential.Profile, AlternativeNamesOf(prepared.Plan))
        {
            Lifetime = credential.Issuance?.ExpiryDays is { } days ? TimeSpan.FromDays(days) : null,
            PathLength = credential.Issuance?.PathLength ?? 0,
        };
    }

    /// <summary>Mints under a CA of ours, and notes what that says of its key.</summary>
    public X509Certificate2Collection Sign(Credential ca, LocalCa signer, MintOrder order)
    {
        try
        {
            var chain = LocalMint.Mint(signer, order, parts.Clock);
            MarkUsed(ca);
            return chain;
        }
        catch (ProblemException problem)
        {
            if (IsAboutKey(problem)) LookForKey(ca);
            throw;
        }
    }

    /// <summary>Where a certificate comes from by the configuration.</summary>
    /// <exception cref="ProblemException"><c>est_no_url</c>.</exception>
    public string SourceOf(string id, IssuanceMethod method) => method switch
    {
        IssuanceMethod.DeviceCa => LocalUrl,
        IssuanceMethod.SelfSigned => SelfUrl,
        _ => identities.UrlOf(id).ToString(),
    };

    private StoredCertificate Describe(string id, X509Certificate2 leaf, string pem, string url, string shown) =>
        CertificateFacts.Describe(id, StoredKind.Credential, leaf, pem, parts.Clock.Now, parts.Random.NextDouble()) with { Url = url, Credential = shown };
}
