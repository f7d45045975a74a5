using System.Text.Json;
using EstProv.Certificates.Issuing;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.LocalApi;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Engine;

/// <summary>
/// What would be done for a certificate now, step by step, by the very choices that the engine makes: <c>{"id", "steps":[{"step","plan"}],
/// "problem"?}</c>.
/// Nothing is done. keyd may be asked whether it has a key; no server is.
/// </summary>
internal sealed class IssuancePlan(EngineParts parts, CredentialEngine engine)
{
    /// <exception cref="ProblemException"><c>not_configured</c>.</exception>
    public void Write(Utf8JsonWriter json, string id)
    {
        var credential = engine.Table.FindLocked(id);
        var issuance = credential?.Issuance ?? parts.Configuration.Issuance.GetValueOrDefault(id);
        if (issuance is null && !parts.Preloaded.IsFile(id))
        {
            throw new ProblemException("not_configured", $"certificate '{id}' is neither issued nor preloaded here",
                $"add \"{id}\" = \"est\", \"device-ca\" or \"self_signed\" to [cert_issuance], or its file to [preloaded_certs]", 400);
        }

        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteStartArray("steps"u8);
        ProblemException? problem = null;
        if (issuance is null)
        {
            Step(json, "file", $"{parts.Configuration.PreloadedFiles[id].Value}, the operator's; it is read on each use and never renewed");
        }
        else
        {
            try
            {
                WriteIssuance(json, id, credential, issuance);
            }
            catch (ProblemException found)
            {
                problem = found;
            }
        }

        json.WriteEndArray();
        if (problem is not null) json.WriteProblem(problem.Message, problem.Hint, problem.Code);
        json.WriteEndObject();
    }

    private void WriteIssuance(Utf8JsonWriter json, string id, Credential? credential, CertificateIssuance issuance)
    {
        var isCallers = credential is null && id is CertificateProfiles.ModuleServer or CertificateProfiles.ModuleId;
        Step(json, "when", credential is null ? "as soon as somebody asks for it" : When(credential));
        if (isCallers) WritePolicy(json, id, issuance);
        else WriteRequest(json, id, credential, issuance);
        switch (issuance.Method)
        {
            case IssuanceMethod.Est:
                WriteEnrolment(json, id, credential);
                break;
            case IssuanceMethod.DeviceCa:
                Step(json, "signature", $"by the device CA '{engine.Identities.NeededFor(id, issuance.Method)!.Id}', with its key in keyd");
                break;
            default:
                Step(json, "signature", "by its own key");
                break;
        }

        if (isCallers) return;
        if (credential is { Issuance: not null } && engine.Identities.MissingFor(credential) is { } missing)
            Step(json, "waits", $"for certificate '{missing.Id}'");
        Step(json, "proof", ProofOf(id, credential));
        var policy = credential?.Policy ?? Renewal.RenewalPolicy.Of(issuance.Renewal);
        Step(json, "renewal", $"at a point of its own between {policy.From} and {policy.Until}, then at gaps of up to {policy.Retry}; the old one is served until the new one is proved");
    }

    private void WriteRequest(Utf8JsonWriter json, string id, Credential? credential, CertificateIssuance issuance)
    {
        var rotates = credential?.Current is null || issuance.Renewal?.RotateKey != false || Needs.WantsNewKey(credential);
        Step(json, "key", $"{(rotates ? "a new key" : "the same key")} '{credential?.KeyId ?? id}' in keyd ({issuance.KeyAlgorithm}), made and kept in its store");
        if (credential is null) return;
        var name = engine.Identities.NameFor(credential);
        var subject = issuance.Subject is { } fields ? RequestedNames.Encode(fields, name) : SubjectNames.CommonName(name);
        Step(json, "request", $"for {subject.Name}, {Usage(credential.Profile)}");
    }

    private static void WritePolicy(Utf8JsonWriter json, string id, CertificateIssuance issuance)
    {
        var policy = CsrPolicies.Of(id, null, issuance);
        Step(json, "request", "of whoever asks for it, for his own key");
        Step(json, "policy", $"subject {List(policy.Subject.Value)} ({policy.Subject.Table}); names {List(policy.AlternativeNames.Value)} ({policy.AlternativeNames.Table}); "
            + $"usages {List(policy.Usages.Value)} ({policy.Usages.Table}); {(policy.Ca.Value ? "a CA" : "no CA")} ({policy.Ca.Table})");
    }

    private void WriteEnrolment(Utf8JsonWriter json, string id, Credential? credential)
    {
        var identities = engine.Identities;
        var url = identities.UrlOf(id);
        Step(json, "url", url.ToString());
        // First, since what is shown may not be there yet.
        Step(json, "trust", parts.Est?.ExplainTrust(url) ?? "");
        if (parts.Est?.ExplainProxy(url) is { } proxy) Step(json, "proxy", proxy);
        WriteHeaders(json);
        if (credential is null || !engine.Table.IsIdentity(credential))
        {
            var identity = engine.Table.IdentityFor(id);
            var access = engine.Table.AccessOf(id);
            Step(json, "identity",
                $"{Shown(identity?.Id, access?.Username, access?.PasswordFile)}; simpleenroll{(identity is null ? "" : Of(identity))}");
            return;
        }

        var way = identities.WayFor(credential);
        var shown = way.Shown == ShownCredential.OneTime
            ? $"{Shown(null, parts.Rescue?.OneTime?.Username, null)}, once, which an operator brought"
            : Shown(way.Shown.ChainPem is null ? null : way.Shown.Name, way.Shown.Username, way.Shown.PasswordFile);
        Step(json, "identity", way.BootstrapReason is { } reason ? $"{shown}, since {reason}; simpleenroll"
            : $"{shown}; {(way.Reenroll ? "simplereenroll: it renews itself" : "simpleenroll")}{(way.Reenroll ? Of(credential) : "")}");
    }

    /// <summary>Their names: a value may be a secret.</summary>
    private void WriteHeaders(Utf8JsonWriter json)
    {
        if (parts.Configuration.Est is not { Headers: { Count: > 0 } headers }) return;
        var names = "";
        foreach (var (name, _) in headers) names += (names.Length > 0 ? ", " : "") + name;
        Step(json, "headers", $"{names}, with every request");
    }

    /// <param name="certificate">Null for none.</param>
    /// <param name="user">Null for none.</param>
    private string Shown(string? certificate, string? user, Positioned<string>? passwordFile)
    {
        var shown = certificate is null ? "" : $"'{certificate}', as a TLS client certificate";
        if (user is null) return shown;
        var scheme = parts.Configuration.Est is { PasswordIsHashed: true } ? "Digest" : "Basic";
        var file = passwordFile is { } its ? $" from {its.Value}" : "";
        return $"{shown}{(shown.Length > 0 ? ", and " : "")}user '{user}' with the password{file}, by HTTP {scheme}";
    }

    private string When(Credential credential)
    {
        lock (engine.Table.Gate)
        {
            var wait = Needs.Wait(credential, parts.Time);
            var later = wait > TimeSpan.Zero ? $", in {Math.Ceiling(wait.TotalSeconds):0} s" : "";
            return Needs.Of(credential, parts.Clock, engine.Identities.BootstrapAlways(credential)) switch
            {
                Need.None when credential.Current is { } current && credential.Issuance is not null =>
                    $"at {Utc.Format(Needs.RenewalAt(credential, current))}",
                Need.None => "as soon as somebody asks for it",
                Need.FirstIssue => "now, since there is none yet" + later,
                Need.KeyMissing => "now, since its key is gone" + later,
                Need.OtherName => "now, since it is to have another name" + later,
                Need.Distrusted => "now, since it is under a distrusted CA" + later,
                Need.IssuerRenewed => "now, since its CA was renewed" + later,
                _ => "now" + later,
            };
        }
    }

    private string Of(Credential identity)
    {
        lock (engine.Table.Gate)
            return identity.Current is { } current ? $" ({current.Subject}, until {Utc.Format(current.NotAfter)})"
                : " (which is not there yet)";
    }

    private string ProofOf(string id, Credential? credential) =>
        credential is not null && engine.Table.IsIdentity(credential)
            ? "a new TLS connection to the EST server with it, before it replaces the old one"
        : id == CertificateProfiles.DeviceCa ? "a test certificate under it is verified, before it replaces the old one"
        : credential is { ProvedByCaller: true } || id == "device-id" ? "its user shows it where it is used, before it replaces the old one"
        : "none: in use at once";

    private static string Usage(CertificateProfile profile) => profile switch
    {
        CertificateProfile.Ca => "a CA",
        CertificateProfile.Server => "for TLS servers",
        _ => "for TLS clients",
    };

    private static string List(IReadOnlyList<string> values) => values.Count == 0 ? "none" : string.Join(", ", values);

    private static void Step(Utf8JsonWriter json, string step, string plan)
    {
        json.WriteStartObject();
        json.WriteString("step"u8, step);
        json.WriteString("plan"u8, plan);
        json.WriteEndObject();
    }
}
