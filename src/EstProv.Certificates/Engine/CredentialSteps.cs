using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// The steps from one certificate to the next: recover, prepare (stage a key, make the request), issue, prove, commit, promote, retire. Each
/// leaves on disk and in keyd a state from which the next start goes on (the table in this library's README). They run on the
/// thread that has made the credential busy.
/// </summary>
internal sealed class CredentialSteps(
    EngineParts parts, CredentialTable table, IdentityChoice identities, Proofs proofs, BootstrapGuard bootstrap, Replacements replacements)
{
    private sealed record Issued(StoredCertificate Certificate, PreparedRequest Prepared);

    /// <summary>So often may a new certificate be refused where it is to be proved, before another one is asked for.</summary>
    private const int MostRefusals = 3;

    /// <summary>So often may TLS fail with a key of a kind that nobody but the server asked for.</summary>
    private const int MostRefusalsOfServersKey = 2;

    private static readonly TimeSpan WorthWriting = TimeSpan.FromMinutes(1);

    /// <summary>A server that has had a request under consideration (202) for so long has lost it, or whoever was to approve it has: it is made anew.</summary>
    private static readonly TimeSpan LongestConsideration = TimeSpan.FromDays(7);

    /// <summary>Between two repetitions of a request, where there is a certificate to live by meanwhile.</summary>
    private static readonly TimeSpan LongestPendingGap = TimeSpan.FromHours(6);

    /// <summary>Does what can be done now. Returns when nothing is left, or when it waits for another credential, for a caller or for a time.</summary>
    /// <exception cref="ProblemException">The attempt failed.</exception>
    public void Run(Credential credential, CancellationToken cancel)
    {
        if (credential.KeyMissing) credential.Recovered = false;
        table.RefreshOperatorFile(credential);
        Recover(credential);
        if (!credential.Recovered) return;
        if (credential.PromotionDue) Promote(credential);
        if (credential.TakesBack) TakeBack(credential);
        if (credential.Staged is { } old && Needs.IsExpired(old, parts.Clock)) DropStaged(credential, "it has expired before anybody could prove it");
        if (!credential.Recovered) return;
        if (credential.Staged is null)
        {
            lock (table.Gate)
            {
                if (Needs.Of(credential, parts.Clock, identities.BootstrapAlways(credential)) == Need.None) return;
            }

            GiveUpOldRequest(credential);
            if (IsWaiting(credential))
            {
                // Most servers ask for nothing special; where one does, it is asked as soon as what is waited for is there.
                PrepareAhead(credential);
                if (IsWaiting(credential)) return;
            }

            if (!Issue(credential, cancel)) return;
        }

        if (Prove(credential, cancel)) Commit(credential);
    }

    private void GiveUpOldRequest(Credential credential)
    {
        if (credential.Pending is not { } pending || parts.Clock.Now - pending.Since < LongestConsideration) return;
        parts.Events.Note(credential.Id, $"the server has had the request under consideration since {pending.Since:yyyy-MM-dd HH:mm:ss}Z (HTTP 202); another one is made");
        ForgetPending(credential);
        // The same bytes would be the same request.
        lock (table.Gate) credential.Prepared = null;
    }

    /// <summary>Compares what is on disk with keyd's keys, and does again what was interrupted. Once after the start.</summary>
    public void Recover(Credential credential)
    {
        if (credential.Recovered) return;
        if (credential.Staged is { } staged)
        {
            credential.StagedKey = parts.Keys.FindKeyPair(credential.KeyId, staged.SpkiHash);
            if (credential.StagedKey is null) DropStaged(credential, "its key is gone");
            else if (IsOutdated(credential, staged)) DropStaged(credential, "the operator's file has changed since");
            else if (IsFromElsewhere(credential, staged)) DropStaged(credential, "it is to come from somewhere else by now");
        }

        if (credential.Pending is { } pending && parts.Keys.FindKeyPair(credential.KeyId, System.Buffers.Text.Base64Url.DecodeFromChars(pending.Spki)) is null)
            ForgetPending(credential);

        if (credential.Operator is { } file && file.OperatorFile == credential.RejectedOperatorFile && parts.Keys.FindKeyPair(credential.KeyId, file.SpkiHash) is not null)
            lock (table.Gate) credential.RejectedOperatorFile = null;

        KeyReference? key = null;
        var judged = credential.Current;
        if (judged is not null)
        {
            key = parts.Keys.FindKeyPair(credential.KeyId, judged.SpkiHash);
            if (key is null && judged.Kind == StoredKind.Operator && credential.Stored is { } own)
            {
                parts.Events.Note(credential.Id, "the Key Service has no key for the operator's file; the certificate issued before stays in use");
                lock (table.Gate) credential.RejectedOperatorFile = judged.OperatorFile;
                judged = own;
                key = parts.Keys.FindKeyPair(credential.KeyId, own.SpkiHash);
            }

            // What is in use here is in use in keyd: no harm where it is so already.
            if (key is not null) PromoteKey(credential, judged);
        }

        lock (table.Gate)
        {
            // The operator may have brought another file meanwhile: then that one is to be looked at.
            if (!ReferenceEquals(credential.Current, judged)) return;
            credential.Key = key;
            if (credential.Current is not null && key is null && !credential.KeyMissing)
                parts.Events.Note(credential.Id, $"the Key Service has no key '{credential.KeyId}' for it; it cannot be used");
            credential.KeyMissing = credential.Current is not null && key is null;
            credential.PromotionDue = false;
            credential.Recovered = true;
            Monitor.PulseAll(table.Gate);
        }
    }

    /// <summary>Makes the staged certificate the one in use; its rename is the point of no return. Then keyd follows.</summary>
    public void Commit(Credential credential)
    {
        var staged = credential.Staged!;
        if (IsOutdated(credential, staged))
        {
            DropStaged(credential, "the operator's file has changed since");
            throw new ProblemException("not_staged", $"the operator has brought another certificate '{credential.Id}' meanwhile", "ask for it with ensure", 409);
        }

        var key = parts.Keys.FindKeyPair(credential.KeyId, staged.SpkiHash);
        if (key is null)
        {
            DropStaged(credential, "its key is gone");
            throw new ProblemException("key_not_found", $"the Key Service lost the key of the new certificate '{credential.Id}' before it came into use",
                "another one is asked for", 503);
        }

        // The proof of an EST identity is an answer to a harmless question; whether enrolments are accepted shows later.
        var before = table.IsIdentity(credential) && !credential.KeyMissing ? credential.Current : null;
        if (before is not null && (before.Spki == staged.Spki || Needs.IsExpired(before, parts.Clock))) before = null;
        lock (credential.Turning) Turn(credential, staged, key, before);
        if (table.IsIdentity(credential)) parts.Est?.Forget(identities.Show(credential, staged.Pem, key));
    }

    private void Turn(Credential credential, StoredCertificate staged, KeyReference key, StoredCertificate? before)
    {
        if (before is not null) parts.Store.WritePrevious(before);
        parts.Checkpoint?.Invoke("previous kept");
        parts.Store.Commit(credential.Id);
        parts.Checkpoint?.Invoke("committed");
        parts.Clock.Raise(staged.NotBefore);
        bool leavesOlder;
        lock (table.Gate)
        {
            leavesOlder = before is null && credential.Previous is not null;
            credential.Previous = before;
            credential.TakesBack = false;
            credential.Stored = staged;
            // Its file had the same name.
            table.RemoveOther(credential.Id);
            credential.Staged = null;
            credential.StagedKey = null;
            credential.Prepared = null;
            credential.Key = key;
            credential.KeyMissing = false;
            credential.RefusedByServer = false;
            credential.Used = false;
            credential.PromotionDue = true;
            credential.ForgetFailures();
        }

        // One from before this one's predecessor, which was never of use itself: nobody would ask for it again, and its file would lie there for good.
        if (leavesOlder) parts.Store.DeletePrevious(credential.Id);
        parts.Events.Committed(staged);
        Promote(credential);
    }

    /// <summary>The current key has done its work: the one before it is not needed any more.</summary>
    public void MarkUsed(Credential credential)
    {
        lock (table.Gate)
        {
            if (credential.Used) return;
        }

        lock (credential.Turning) Retire(credential);
    }

    private void Retire(Credential credential)
    {
        StoredCertificate used;
        lock (table.Gate)
        {
            if (credential.Used || credential.PromotionDue || credential.TakesBack || credential.Stored is null) return;
            credential.Used = true;
            used = credential.Current!;
        }

        try
        {
            if (credential.Previous is not null) parts.Store.DeletePrevious(credential.Id);
            lock (table.Gate) credential.Previous = null;
            parts.Checkpoint?.Invoke("previous forgotten");
            var isCurrent = IsKeydsCurrent(credential, used);
            if (!isCurrent)
            {
                PromoteKey(credential, used);
                isCurrent = IsKeydsCurrent(credential, used);
            }

            // Where keyd's current key is still another one (our state is older than keyd's: a backup), the one before it may be this certificate's own.
            if (isCurrent)
            {
                // The rename may be that of a process which was killed before its sync: the certificate before must not come back without its key.
                parts.Store.MakeDurable();
                parts.Keys.RetirePrevious(credential.KeyId);
            }

            parts.Checkpoint?.Invoke("retired");
            credential.RefusalBackoff.Reset();
        }
        catch (ProblemException problem)
        {
            // The old key does no harm; the next use tries again.
            lock (table.Gate) credential.Used = false;
            parts.Events.Note(credential.Id, $"the key before the current one could not be destroyed yet: {problem.ToLogText()}");
        }
    }

    /// <summary>Forgets a staged certificate and its key; the certificate first, so that it is never there without its key.</summary>
    public void DropStaged(Credential credential, string reason)
    {
        var (staged, key) = (credential.Staged!, credential.StagedKey);
        // A commit that failed may have come as far as its rename: then there is nothing to go back to on disk, and the key must stay.
        var isCommitted = parts.Store.IsCommitted(staged);
        if (!isCommitted) parts.Store.DiscardStaged(credential.Id);
        lock (table.Gate)
        {
            if (isCommitted) (credential.Stored, credential.Used, credential.Recovered) = (staged, false, false);
            credential.Staged = null;
            credential.StagedKey = null;
            credential.Prepared = null;
        }

        if (isCommitted) return;
        if (table.IsIdentity(credential) && key is not null) parts.Est?.Drop(identities.Show(credential, staged.Pem, key));
        parts.Checkpoint?.Invoke("staged dropped");
        // Not where it may be the key in use: of what was brought for that very key, and where keyd follows after the first use only (PromoteKey).
        if (credential.Previous is null && credential.Current?.Spki != staged.Spki) parts.Keys.DiscardNext(credential.KeyId);
        parts.Events.Dropped(staged, reason);
    }

    private static bool IsOutdated(Credential credential, StoredCertificate staged) =>
        credential.Operator is { } file && file.OperatorFile != credential.RejectedOperatorFile && staged.OperatorFile != file.OperatorFile;

    /// <summary>Not from where the configuration says: it may have been changed because what comes from there is refused.</summary>
    private bool IsFromElsewhere(Credential credential, StoredCertificate staged)
    {
        if (staged.Url is not { } url || credential.Issuance is not { } issuance) return false;
        try
        {
            return url != SourceOf(credential.Id, issuance.Method);
        }
        catch (ProblemException)
        {
            // There is no other place to have it from.
            return false;
        }
    }

    private bool IsWaiting(Credential credential)
    {
        lock (table.Gate) return identities.MissingFor(credential) is not null;
    }

    /// <summary>Stages the key and signs the request, before the credential that it is sent with is there.</summary>
    private void PrepareAhead(Credential credential)
    {
        if (credential.Prepared?.Plan != PlanOf(credential) || IsToBeRotated(credential)) Prepare(credential, CsrAttributes.None, null);
    }

    /// <summary>Stages the key and signs the request, where that is not done.</summary>
    /// <param name="attributes">What the EST server wants to see in it.</param>
    /// <param name="way">How it is sent; null where that is not known yet, or not over EST.</param>
    private PreparedRequest Prepare(Credential credential, CsrAttributes attributes, EnrolmentWay? way)
    {
        var plan = PlanOf(credential);
        // What the server wants and cannot have must not cost the device its certificate: every other attempt does without, and the server decides.
        var lenient = credential.Problem?.Code == "est_csrattrs_unsatisfied";
        if (credential.Prepared is { } known && known.Plan == plan && known.Attributes.SameAs(attributes) && known.Lenient == lenient
            && !IsToBeRotated(credential)) return known;
        if (!credential.IsNameTold && credential.Issuance!.CommonName is null && credential.WantedName is null)
            parts.Events.Note(credential.Id, $"no name is configured for it: the request asks for the common name '{RequestedNames.CommonNameIn(plan.Name)}'");

        credential.IsNameTold = true;
        var notes = new List<string>();
        var key = StageKey(credential, KeyAlgorithmChoice.Of(credential.Issuance!, attributes, lenient, notes), lenient, notes);
        parts.Checkpoint?.Invoke("key staged");
        PreparedRequest prepared;
        if (credential.Issuance!.Method == IssuanceMethod.Est)
        {
            var signer = KeySigner.Of(parts.Keys, key);
            var content = ContentOf(credential, plan, attributes, way, lenient, signer.PublicKey, notes);
            prepared = new PreparedRequest(key, plan, attributes, lenient, content, CertificateSigningRequests.Create(content, signer));
        }
        else
        {
            prepared = new PreparedRequest(key, plan, attributes, lenient, null, null);
        }

        foreach (var note in notes) parts.Events.Note(credential.Id, note);
        lock (table.Gate) credential.Prepared = prepared;
        return prepared;
    }

    private static CertificateRequestContent ContentOf(
        Credential credential, RequestPlan plan, CsrAttributes attributes, EnrolmentWay? way, bool lenient, PublicKey key, List<string> notes)
    {
        var content = CertificateProfiles.Content(plan.Profile, SubjectOf(plan), AlternativeNamesOf(plan), credential.Issuance!.PathLength ?? 0);
        if (attributes.SameAs(CsrAttributes.None)) return content;
        var wish = new CsrWish
        {
            Content = content,
            Name = RequestedNames.CommonNameIn(plan.Name) ?? plan.Name,
            NameIsConfigured = credential.Issuance.CommonName is not null || credential.WantedName is not null,
            SubjectIsConfigured = credential.Issuance.Subject is not null,
            NamesAreConfigured = credential.Issuance.AlternativeNames is not null,
            KeepsNames = plan.Reenroll,
            KnownSubject = way?.Shown.ChainPem is { } shown ? PemText.Parse(shown)[0].SubjectName : null,
            Address = way is null ? null : () => LocalAddress.Towards(way.Url),
            Lenient = lenient,
        };
        try
        {
            var outcome = CsrAttributesUse.Apply(attributes, wish, key);
            notes.AddRange(outcome.Notes);
            return outcome.Content;
        }
        catch (ProblemException problem) when (problem.Code == "est_bad_csrattrs")
        {
            notes.Add($"the csrattrs of {way?.Url} are ignored: {problem.ToLogText()}");
            return content;
        }
    }

    /// <summary>The staged key, or another one where that is not of a kind that will do.</summary>
    private KeyReference StageKey(Credential credential, KeyAlgorithmChoice choice, bool lenient, List<string> notes)
    {
        // The key in use may be keyd's next one still; a request must not get that.
        if (credential.Previous is not null) PromoteKey(credential, credential.Stored!, now: true);
        if (KeptKey(credential) is { } kept)
        {
            if (choice.Demand is null || choice.Allows(kept.SubjectPublicKeyInfo)) return kept;
            notes.Add($"its key is replaced although rotate_key is false: the EST server asks for the key {choice.Demand}");
        }

        try
        {
            var key = parts.Keys.StageNext(credential.KeyId, choice.Preferences);
            // A request that waits for its answer is about the key that it was made for; and no key of a certificate in use is dropped.
            if (choice.Allows(key.SubjectPublicKeyInfo) || credential.Pending is not null || IsInUse(credential, key)) return key;
            parts.Keys.DiscardNext(credential.KeyId);
            parts.Checkpoint?.Invoke("key discarded");
            return parts.Keys.StageNext(credential.KeyId, choice.Preferences);
        }
        catch (ProblemException problem) when (choice.Demand is not null && problem.Code is "mechanism_missing" or "bad_request")
        {
            if (!lenient)
            {
                throw new ProblemException("est_csrattrs_unsatisfied",
                    $"the EST server's csrattrs ask for the key {choice.Demand}, which the Key Service cannot make: {problem.Message}",
                    "the token or the server's demand has to change; every other attempt does without it", 502, problem);
            }

            notes.Add($"the EST server's csrattrs ask for the key {choice.Demand}, which the Key Service cannot make; '{credential.Issuance!.KeyAlgorithm}' is used");
            return parts.Keys.StageNext(credential.KeyId, credential.Issuance.KeyAlgorithm);
        }
    }

    private static bool IsInUse(Credential credential, KeyReference key)
    {
        var spki = CertificateFacts.SpkiOf(key.SubjectPublicKeyInfo);
        return spki == credential.Current?.Spki || spki == credential.Stored?.Spki || spki == credential.Previous?.Spki;
    }

    /// <summary>With <c>rotate_key = false</c>, where there is a key to keep.</summary>
    private KeyReference? KeptKey(Credential credential) =>
        credential is { Issuance.Renewal.RotateKey: false, KeyMissing: false, Current: { } current } && !Needs.WantsNewKey(credential)
            ? parts.Keys.FindKeyPair(credential.KeyId, current.SpkiHash)
            : null;

    /// <summary>A request was made with the key in use, which is to go.</summary>
    private static bool IsToBeRotated(Credential credential) => Needs.WantsNewKey(credential) && credential is { Prepared: { } prepared, Current: { } current }
        && CertificateFacts.SpkiOf(prepared.Key.SubjectPublicKeyInfo) == current.Spki;

    /// <summary>A certificate that renews itself asks for the very Subject and SAN that it has (RFC 7030 section 4.2.2).</summary>
    private RequestPlan PlanOf(Credential credential)
    {
        var keepsName = credential.Current is { } current && Needs.KeepsName(credential, current, parts.Clock);
        var reenroll = keepsName && table.IsIdentity(credential)
            && EstIdentitySources.Choose(credential, table.AccessOf(credential.Id)!, parts.Clock) == EstIdentitySource.Itself;
        if (reenroll)
        {
            var old = PemText.Parse(identities.ChainOf(credential.Current!))[0];
            var names = old.Extensions[AlternativeNames.Oid];
            return new RequestPlan(Convert.ToBase64String(old.SubjectName.RawData), names is null ? null : Convert.ToBase64String(names.RawData), names?.Critical ?? false,
                credential.Profile, true, credential.Current!.RequestedName ?? RequestedNames.Of(credential.Issuance?.Subject, identities.NameFor(credential)));
        }

        var name = (keepsName && credential.Current!.Kind == StoredKind.Credential ? credential.Current.RequestedName : null)
            ?? RequestedNames.Of(credential.Issuance?.Subject, identities.NameFor(credential));
        var subject = RequestedNames.SubjectOf(name) ?? SubjectNames.CommonName(name);
        var asked = CertificateProfiles.NamesFor(credential.Profile, credential.Issuance);
        return new RequestPlan(
            Convert.ToBase64String(subject.RawData), asked is null ? null : Convert.ToBase64String(asked.RawData), asked?.Critical ?? false, credential.Profile, false, name);
    }

    private static X500DistinguishedName SubjectOf(RequestPlan plan) => new(Convert.FromBase64String(plan.Subject));

    private static X509Extension? AlternativeNamesOf(RequestPlan plan) =>
        plan.AlternativeNames is { } names ? new X509Extension(AlternativeNames.Oid, Convert.FromBase64String(names), plan.NamesAreCritical) : null;

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

    /// <summary>Before the id of a CA of ours, in the place of a URL.</summary>
    public const string LocalPrefix = "local:";

    /// <summary>Where locally minted certificates come from, in the place of a URL.</summary>
    public const string LocalUrl = LocalPrefix + CertificateProfiles.DeviceCa;

    /// <summary>Where a certificate comes from that its own key signed.</summary>
    public const string SelfUrl = "local:self";

    /// <summary>Where a certificate comes from by the configuration.</summary>
    /// <exception cref="ProblemException"><c>est_no_url</c>.</exception>
    public string SourceOf(string id, IssuanceMethod method) => method switch
    {
        IssuanceMethod.DeviceCa => LocalUrl,
        IssuanceMethod.SelfSigned => SelfUrl,
        _ => identities.UrlOf(id).ToString(),
    };

    private Issued? Enroll(Credential credential, CancellationToken cancel)
    {
        var way = identities.WayFor(credential);
        var prepared = PreparedBefore(credential, way);
        var pending = prepared is null ? null : credential.Pending;
        lock (table.Gate) (credential.LastUrl, credential.LastCredential) = (way.Url.ToString(), way.Shown.Name);
        if (way.BootstrapReason is { } reason)
        {
            bootstrap.Take();
            parts.Events.BootstrapUsed(way.Shown.Name, way.Url, reason);
        }

        var attributes = AttributesOf(credential, way, cancel);
        if (credential.KeepsUsualKey) attributes = attributes with { Keys = [] };
        prepared ??= Prepare(credential, attributes, way);
        var order = new EstOrder
        {
            Id = credential.Id,
            Url = way.Url,
            Shown = way.Shown,
            Csr = prepared.Csr!,
            Signer = KeySigner.Of(parts.Keys, prepared.Key),
            SubjectPublicKeyInfo = prepared.Key.SubjectPublicKeyInfo,
            Reenroll = pending?.Reenroll ?? (way.Reenroll && prepared.Plan.Reenroll),
            CaWanted = credential.Profile == CertificateProfile.Ca,
            RequestsChallengePassword = attributes.RequestsChallengePassword,
            Subject = prepared.Content!.Subject,
            AlternativeNames = prepared.Content.AlternativeNames,
        };
        EstOutcome outcome;
        try
        {
            outcome = Enroll(order, cancel);
        }
        catch (ProblemException problem)
        {
            // The server does not know the request any more, or its sender, or never will: the next one is a new one.
            if (pending is not null && (IsRefusal(problem) || problem.Code is "est_rejected" or "est_not_found" or "est_wrong_key")) ForgetPending(credential);
            throw;
        }

        if (outcome is EstOutcome.Pending later)
        {
            Postpone(credential, prepared, order, later.RetryAfter);
            return null;
        }

        var chain = ((EstOutcome.Issued)outcome).Chain;
        parts.Checkpoint?.Invoke("enrolled");
        foreach (var note in chain.Notes) parts.Events.Note(credential.Id, note);
        var certificate = Describe(credential.Id, chain.Leaf, chain.ToPem(), way.Url.ToString(), way.Shown.Name) with
        {
            RequestedName = pending?.RequestedName,
            TakenAllTheSame = IsTakenAllTheSame(credential, chain, way.Url),
        };
        return new Issued(certificate, prepared);
    }

    /// <summary>What comes from a distrusted CA again is no replacement; where there is nothing else that is good, it is better than nothing.</summary>
    /// <exception cref="ProblemException"><c>issuer_distrusted</c>.</exception>
    private bool IsTakenAllTheSame(Credential credential, IssuedChain chain, Uri url)
    {
        if (replacements.DistrustOf([.. chain.Certificates, chain.Anchor]) is not { } entry) return false;
        if (!credential.KeyMissing && credential.Current is { } current && !Needs.IsExpired(current, parts.Clock))
        {
            ForgetPending(credential);
            throw new ProblemException("issuer_distrusted", $"{url} issued the certificate '{credential.Id}' under '{entry.Name}', which is distrusted; the one in use stays",
                "have the EST server issue under another CA, or take it back: estprov distrust --undo", 503);
        }

        parts.Events.Note(credential.Id, $"it was issued under '{entry.Name}', which is distrusted; it is taken all the same, since there is none that is good");
        return true;
    }

    /// <summary>The request that was answered 202, where it is to be sent again to the same server by the same sender; another one is forgotten.</summary>
    private PreparedRequest? PreparedBefore(Credential credential, EnrolmentWay way)
    {
        if (credential.Pending is not { } pending) return null;
        var isOfKeyToGo = Needs.WantsNewKey(credential) && credential.Current?.Spki == pending.Spki;
        if (pending.Credential == way.Shown.Name && pending.Url == way.Url.ToString() && !isOfKeyToGo
            && parts.Keys.FindKeyPair(credential.KeyId, System.Buffers.Text.Base64Url.DecodeFromChars(pending.Spki)) is { } key
            && SentRequest.ContentOf(pending.Csr) is { } content)
        {
            var plan = PlanOf(credential);
            return new PreparedRequest(key, plan with { Name = pending.RequestedName ?? plan.Name }, CsrAttributes.None, false, content, pending.Csr);
        }

        ForgetPending(credential);
        return null;
    }

    private CsrAttributes AttributesOf(Credential credential, EnrolmentWay way, CancellationToken cancel)
    {
        var attributes = parts.Est!.AttributesOf(way.Url, way.Shown, out var note, cancel);
        if (note is not null) parts.Events.Note(credential.Id, note);
        return attributes;
    }

    /// <summary>Enrols, and notes what that says of the EST identity where it is what was shown.</summary>
    /// <exception cref="ProblemException"><c>est_*</c>, keyd's.</exception>
    public EstOutcome Enroll(EstOrder order, CancellationToken cancel)
    {
        var identity = table.FindIdentity(order.Shown.Name);
        try
        {
            var outcome = parts.Est!.Enroll(order, cancel);
            if (identity is not null) Worked(identity, order.Shown);
            return outcome;
        }
        catch (ProblemException problem) when (identity is not null)
        {
            if ((IsRefusal(problem) || problem.Code == "est_rejected") && EnrollWithPrevious(identity, order, cancel) is { } outcome) return outcome;
            // Only where the operator allowed it does a server's refusal open the way back to the bootstrap identity.
            if (IsRefusal(problem)) lock (table.Gate) identity.RefusedByServer = true;
            if (IsAboutKey(problem)) LookForKey(identity);
            throw;
        }
    }

    /// <summary>The EST server has taken the EST identity; another one may be in use meanwhile.</summary>
    private void Worked(Credential identity, ShownCredential shown)
    {
        lock (table.Gate)
        {
            if (identity.Key?.Handle != shown.KeyHandle) return;
            identity.RefusedByServer = false;
        }

        MarkUsed(identity);
    }

    /// <summary>
    /// A new EST identity that is refused at its first use is at fault only when the one before it is not refused; that one then comes back.
    /// </summary>
    /// <returns>Null when there is none, or when it did no better.</returns>
    private EstOutcome? EnrollWithPrevious(Credential identity, EstOrder order, CancellationToken cancel)
    {
        StoredCertificate? previous;
        lock (table.Gate)
        {
            var isNew = !identity.Used && ReferenceEquals(identity.Current, identity.Stored) && identity.Key?.Handle == order.Shown.KeyHandle;
            previous = isNew ? identity.Previous : null;
        }

        if (previous is null || Needs.IsExpired(previous, parts.Clock)) return null;
        try
        {
            if (parts.Keys.FindKeyPair(identity.KeyId, previous.SpkiHash) is not { } key) return null;
            var outcome = parts.Est!.Enroll(order with { Shown = order.Shown with { ChainPem = identities.ChainOf(previous), KeyHandle = key.Handle } }, cancel);
            // Not where the new one has been of use to somebody else meanwhile: then the one before is on its way out.
            lock (table.Gate) identity.TakesBack = !identity.Used && ReferenceEquals(identity.Previous, previous);
            return outcome;
        }
        catch (ProblemException)
        {
            return null;
        }
    }

    /// <summary>The new EST identity does not work, the one before does: its certificate is in use again, with its key, which keyd has kept for it.</summary>
    /// <exception cref="ProblemException"><c>credential_refused</c>, where it is: another one is asked for, not at once.</exception>
    private void TakeBack(Credential identity)
    {
        if (identity is not { Stored: { } refused, Previous: { } previous })
        {
            // Deleted meanwhile.
            lock (table.Gate) identity.TakesBack = false;
            return;
        }

        parts.Store.TakeBack(previous);
        parts.Checkpoint?.Invoke("taken back");
        lock (table.Gate)
        {
            identity.Stored = previous.Kind == StoredKind.Operator ? null : previous;
            identity.Previous = null;
            identity.TakesBack = false;
            // It has been of use before; that it is again does not mean that the refused one was not refused.
            identity.Used = true;
            identity.Prepared = null;
            identity.Recovered = false;
        }

        parts.Events.TakenBack(previous, refused);
        Recover(identity);
        throw new ProblemException("credential_refused",
            $"the EST server refused the new EST identity '{identity.Id}' (until {refused.NotAfter:yyyy-MM-dd HH:mm:ss}Z, by {refused.Issuer}) at its first use; the one before is in use again",
            "see to it that the server accepts certificates of its issuer for enrolments; another one is asked for by itself", 503)
        {
            RetryAfter = identity.RefusalBackoff.Next(),
        };
    }

    /// <summary>A key may go from the token while we run; keyd knows.</summary>
    public void LookForKey(Credential shown)
    {
        try
        {
            StoredCertificate? current;
            lock (table.Gate) current = shown.Current;
            if (current is null || parts.Keys.FindKeyPair(shown.KeyId, current.SpkiHash) is not null) return;
            lock (table.Gate) shown.KeyMissing = ReferenceEquals(shown.Current, current);
        }
        catch (ProblemException)
        {
            // keyd does not know either, for now.
            return;
        }
    }

    private static bool IsAboutKey(ProblemException problem) => problem.Code is "est_tls" or "key_not_found";

    /// <summary>The identity as such was refused, as opposed to a request.</summary>
    private static bool IsRefusal(ProblemException problem) => problem.Code is "est_unauthorized" or "est_forbidden" or "est_tls_alert";

    private void Postpone(Credential credential, PreparedRequest prepared, EstOrder order, TimeSpan asked)
    {
        var since = credential.Pending?.Since ?? parts.Clock.Now;
        var retryAfter = PendingGap(credential, asked, parts.Clock.Now - since);
        var request = new PendingRequest
        {
            Id = credential.Id,
            KeyId = credential.KeyId,
            Spki = CertificateFacts.SpkiOf(prepared.Key.SubjectPublicKeyInfo),
            Url = order.Url.ToString(),
            Reenroll = order.Reenroll,
            Credential = order.Shown.Name,
            RequestedName = prepared.Plan.Name,
            AskedAt = parts.Clock.Now,
            Since = since,
            RetryAfter = retryAfter,
            Csr = order.Csr,
        };
        // Flash memory wears: of short waits the file need not know how often they were.
        if (retryAfter >= WorthWriting || credential.Pending is not { } known || known with { AskedAt = request.AskedAt, RetryAfter = retryAfter } != request)
            parts.Store.WritePending(request);
        parts.Checkpoint?.Invoke("pending");
        lock (table.Gate)
        {
            credential.ForgetFailures();
            credential.Pending = request;
            credential.Disappointments++;
            credential.WaitsSince = parts.Time.GetTimestamp();
            credential.WaitsFor = retryAfter;
            credential.Problem = new Client.CredentialProblem(
                $"the EST server at {order.Url} has the request for '{credential.Id}' and asks for patience (HTTP 202, credential '{order.Shown.Name}')",
                $"the same request is sent again in {retryAfter.TotalSeconds:0} s; perhaps somebody has to approve it there", "est_pending");
        }

        parts.Events.Pending(request);
    }

    /// <summary>
    /// Who has nothing yet asks every five minutes at least. Who has a certificate that is good asks the more rarely the longer it takes (a tenth of
    /// the time so far), so that a fleet whose requests nobody approves is no burden, but often enough before its end.
    /// </summary>
    private TimeSpan PendingGap(Credential credential, TimeSpan asked, TimeSpan waited)
    {
        var gap = credential.PendingBackoff.Next(asked);
        if (credential is not { KeyMissing: false, Current: { } current } || Needs.IsExpired(current, parts.Clock)) return gap;
        var patience = waited / 10 < LongestPendingGap ? waited / 10 : LongestPendingGap;
        var left = (current.NotAfter - parts.Clock.Now) / 10;
        if (left < patience) patience = left;
        return gap > patience ? gap : patience;
    }

    private void ForgetPending(Credential credential)
    {
        parts.Store.DeletePending(credential.Id);
        lock (table.Gate) credential.Pending = null;
        credential.PendingBackoff.Reset();
    }

    /// <returns>Whether the staged certificate may be committed.</returns>
    private bool Prove(Credential credential, CancellationToken cancel)
    {
        bool takesUnproved;
        lock (table.Gate) takesUnproved = Needs.TakesUnproved(credential, parts.Clock);
        if (!credential.ProvedByCaller && CanBeProvedNow(credential))
        {
            try
            {
                if (proofs.Prove(credential, credential.Staged!, credential.StagedKey!, cancel) is { } where) parts.Events.Proved(credential.Staged!, where);
                parts.Checkpoint?.Invoke("proved");
                return true;
            }
            catch (ProblemException problem) when (problem.Code is "est_tls" or "est_tls_alert" && KeyAlgorithmChoice.IsServersOwn(credential.Issuance!, credential.StagedKey!.SubjectPublicKeyInfo))
            {
                // libest's csrattrs ask for P-384, which its own TLS does not take of a client.
                lock (table.Gate) credential.Refusals++;
                if (credential.Refusals < MostRefusalsOfServersKey) throw;
                lock (table.Gate) credential.KeepsUsualKey = true;
                DropStaged(credential, "TLS fails with a key of the kind that the server's csrattrs ask for; one of the usual kind is made: " + problem.ToLogText());
                throw new ProblemException(problem.Code, problem.Message, problem.Hint, problem.Status, problem) { RetryAfter = problem.RetryAfter };
            }
            catch (ProblemException problem) when (IsVerdict(problem, credential.Profile))
            {
                lock (table.Gate) credential.Refusals++;
                if (credential.Refusals < MostRefusals && credential.Profile != CertificateProfile.Ca) throw;
                DropStaged(credential, problem.ToLogText());
                throw new ProblemException(problem.Code, problem.Message, problem.Hint, problem.Status, problem) { RetryAfter = credential.RefusalBackoff.Next(problem.RetryAfter) };
            }
            catch (ProblemException) when (takesUnproved)
            {
                // Cannot be reached: falls through.
            }
        }

        if (takesUnproved) parts.Events.Note(credential.Id, "the old certificate has expired before the new one could be proved; the new one is taken unproved");
        return takesUnproved;
    }

    /// <summary>A CA is judged by what the EST server says of itself, which is asked with the EST identity.</summary>
    private bool CanBeProvedNow(Credential credential)
    {
        lock (table.Gate) return credential.Profile != CertificateProfile.Ca || identities.MissingFor(credential) is null;
    }

    /// <summary>The new certificate was found wrong, as opposed to: nobody could say. A CA is not itself shown to anybody.</summary>
    private static bool IsVerdict(ProblemException problem, CertificateProfile profile) => profile == CertificateProfile.Ca
        ? problem.Code is "device_ca_unusable" or "est_chain" or "est_is_ca" or "est_not_ca" or "est_expired" or "est_wrong_key"
        : IsRefusal(problem) || problem.Code == "est_rejected";

    private void Promote(Credential credential)
    {
        PromoteKey(credential, credential.Stored!);
        lock (table.Gate) credential.PromotionDue = false;
        parts.Checkpoint?.Invoke("promoted");
    }

    /// <summary>Makes keyd's current key the one of a certificate in use.</summary>
    private void PromoteKey(Credential credential, StoredCertificate certificate, bool now = false)
    {
        // keyd keeps one key besides: where its current one is not that of the certificate before (which was taken back once), that one's would be
        // destroyed. Then keyd follows after the first use.
        if (!now && credential is { Used: false, Previous: { } previous } && !IsKeydsCurrent(credential, previous)) return;
        try
        {
            parts.Keys.Promote(credential.KeyId, certificate.SpkiHash);
        }
        catch (ProblemException problem) when (problem.Code == "key_mismatch")
        {
            // keyd has the key, but neither as the current one nor as the next: our state is older than keyd's (a backup). It works by its own handle.
            parts.Events.Note(certificate.Id, $"the Key Service's current key '{credential.KeyId}' is another one; this certificate's own key is used");
        }
    }

    private bool IsKeydsCurrent(Credential credential, StoredCertificate certificate) =>
        parts.Keys.FindKeyPair(credential.KeyId) is { } key && CertificateFacts.SpkiOf(key.SubjectPublicKeyInfo) == certificate.Spki;

    private StoredCertificate Describe(string id, X509Certificate2 leaf, string pem, string url, string shown) =>
        CertificateFacts.Describe(id, StoredKind.Credential, leaf, pem, parts.Clock.Now, parts.Random.NextDouble()) with { Url = url, Credential = shown };
}
