using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>The key is staged and the request made, once for all attempts.</summary>
internal sealed partial class CredentialSteps
{
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
}
