using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Platform;

namespace EstProv.Cli.Checks;

/// <summary><c>certificates</c>, <c>keys</c>, <c>bootstrap</c> and <c>trust</c>.</summary>
internal sealed class CertificateChecks(CheckContext on)
{
    private static readonly TimeSpan EndsSoon = TimeSpan.FromDays(90);

    /// <summary>Before the end of what a person has to replace.</summary>
    private static readonly TimeSpan s_timeToReplace = TimeSpan.FromDays(30);

    /// <summary>After its time a renewal is under way for a while.</summary>
    private static readonly TimeSpan s_timeToRenew = TimeSpan.FromHours(1);

    private bool _mayNotLook;

    public void Run()
    {
        JsonElement credentials;
        try
        {
            credentials = on.Daemons.Credentials();
        }
        catch (ProblemException problem)
        {
            // That it cannot be reached was said.
            if (problem.Code != "certd_unreachable") on.Findings.Refused("certificates", problem);
            return;
        }

        foreach (var credential in credentials.EnumerateArray()) Look(credential);
        Bootstraps();
        foreach (var id in on.Certd?.Est?.TrustedCerts?.Value ?? ["trust-bundle"]) Trust(id);
    }

    private void Look(JsonElement credential)
    {
        var id = Json.Text(credential, "id") ?? "";
        var problem = Json.Problem(credential);
        if (Json.Time(credential, "notAfter") is not { } end)
        {
            if (problem is null)
                on.Findings.Warn("certificates", "certificate_pending", $"{id} is not there yet",
                    "it is being issued: estprov provision --wait");
            else on.Findings.Error("certificates", problem.Code, $"{id} is not there: {problem.Message}", problem.Hint);
            return;
        }

        if (Json.Text(credential, "state") == "staged" && !IsServed(id))
        {
            on.Findings.Warn("certificates", problem?.Code ?? "certificate_pending",
                $"{id} is there, and in use as soon as it is proved where it is shown{(problem is null ? "" : $": {problem.Message}")}", problem?.Hint ?? "estprov provision --wait");
            return;
        }

        if (end <= on.Now)
        {
            on.Findings.Error("certificates", "certificate_expired",
                $"{id} has expired at {Times.Shown(end)}{(problem is null ? "" : $": {problem.Message}")}",
                problem?.Hint ?? SuccessorOf(credential, id));
        }
        else if (problem is not null)
        {
            on.Findings.Warn("certificates", problem.Code, $"{id} is good until {Times.Shown(end)}, but is not renewed: {problem.Message}",
                problem.Hint);
        }
        else if (Json.Time(credential, "nextRenewal") is { } due && due + s_timeToRenew < on.Now)
        {
            on.Findings.Warn("certificates", "renewal_overdue", $"{id} is good until {Times.Shown(end)}, and was to be renewed at {Times.Shown(due)}",
                SuccessorOf(credential, id));
        }
        else if (Json.Text(credential, "state") is "preloaded" or "imported" && end - on.Now < s_timeToReplace)
        {
            on.Findings.Warn("certificates", "certificate_ends", $"{id} ends at {Times.Shown(end)}, and nothing renews it", SuccessorOf(credential, id));
        }
        else
        {
            on.Findings.Pass("certificates",
                $"{id}: {Json.Text(credential, "subject")}, until {Times.Shown(end)}, from {Json.Text(credential, "url") ?? "a file"}");
        }

        Inside(id, Json.Text(credential, "keyId"));
    }

    /// <summary>Where the next one comes from; for hints.</summary>
    private static string SuccessorOf(JsonElement credential, string id) => Json.Text(credential, "state") switch
    {
        "preloaded" => "put its successor's file into the place of this one's",
        "imported" => $"bring its successor: estprov cert import {id} FILE",
        "issued" => "the program that asked for it asks for the next one; is it running?",
        _ => $"it is renewed by itself once its server can be reached; estprov renew {id} --now tries at once, and says why not",
    };

    /// <summary>A first one is not, until it is proved.</summary>
    private bool IsServed(string id)
    {
        try
        {
            _ = on.Daemons.Certificate(id);
            return true;
        }
        catch (ProblemException problem)
        {
            return problem.Code != "certificate_not_found";
        }
    }

    /// <param name="keyId">Null for a certificate whose key is its caller's.</param>
    private void Inside(string id, string? keyId)
    {
        if (Read("certificates", id) is not { } chain) return;
        Chain(id, chain);
        if (keyId is not null && !_mayNotLook) Key(id, chain[0], keyId);
        foreach (var certificate in chain) certificate.Dispose();
    }

    private void Key(string id, X509Certificate2 leaf, string keyId)
    {
        try
        {
            if (on.Daemons.Keys.FindKeyPair(keyId, SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo())) is not null)
            {
                on.Findings.Pass("keys", $"{id}: keyd has its key '{keyId}'");
                return;
            }

            on.Findings.Error("keys", "key_mismatch", $"{id}: keyd has no key '{keyId}' that belongs to it",
                "is it the token with which the certificate was requested? A certificate without its key is asked for anew");
        }
        catch (ProblemException problem)
        {
            // keyd's own state was told before, and one refusal is enough.
            _mayNotLook = true;
            if (problem.Code == "forbidden") on.Findings.Refused("keys", problem);
        }
    }

    private void Chain(string id, X509Certificate2Collection chain)
    {
        for (var i = 1; i < chain.Count; i++)
        {
            var end = Times.EndOf(chain[i]);
            if (end <= on.Now)
                on.Findings.Error("certificates", "chain_expired", $"{id}: '{chain[i].Subject}' above it has expired at {Times.Shown(end)}",
                    "have the EST server issue under another CA");
            else if (end < Times.EndOf(chain[0]))
                on.Findings.Warn("certificates", "chain_ends_first",
                    $"{id}: '{chain[i].Subject}' above it ends before it, at {Times.Shown(end)}",
                    "nobody accepts it after that; the CA should be renewed in time");
        }

        if (!IsSigned(chain))
            on.Findings.Error("certificates", "chain_broken", $"{id}: its certificates are not signed by one another",
                "see it with estprov cert show");
    }

    /// <summary>By names and signatures; where the path ends is another question.</summary>
    private static bool IsSigned(X509Certificate2Collection chain)
    {
        if (chain.Count == 1) return true;
        using var path = new X509Chain();
        path.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        path.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        path.ChainPolicy.DisableCertificateDownloads = true;
        path.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority | X509VerificationFlags.IgnoreNotTimeValid;
        path.ChainPolicy.ExtraStore.AddRange(chain);
        path.Build(chain[0]);
        var good = path.ChainElements.Count > 1;
        // What else a verifier may find wrong is not said here.
        foreach (var status in path.ChainStatus) good &= !status.Status.HasFlag(X509ChainStatusFlags.NotSignatureValid);
        foreach (var certificate in chain) good &= IsOf(path, certificate);
        foreach (var element in path.ChainElements) element.Certificate.Dispose();
        return good;
    }

    /// <summary>It is in the path, or another certificate of a CA that is (cross certificates).</summary>
    private static bool IsOf(X509Chain path, X509Certificate2 certificate)
    {
        foreach (var element in path.ChainElements)
        {
            if (element.Certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.SubjectName.RawData)) return true;
        }

        return false;
    }

    /// <summary>certd judges them, by what it would show.</summary>
    private void Bootstraps()
    {
        JsonElement answer;
        try
        {
            answer = on.Daemons.Ask("certd", "/bootstraps", wait: TimeSpan.FromMinutes(1));
        }
        catch (ProblemException problem)
        {
            on.Findings.Refused("bootstrap", problem);
            return;
        }

        var told = new List<string>();
        if (Json.Member(answer, "bootstraps") is not { ValueKind: JsonValueKind.Array } all) return;
        foreach (var bootstrap in all.EnumerateArray())
        {
            if (Json.Text(bootstrap, "id") is not { } id || told.Contains(id)) continue;
            told.Add(id);
            Bootstrap(bootstrap, id);
        }
    }

    private void Bootstrap(JsonElement bootstrap, string id)
    {
        var problem = Json.Problem(bootstrap);
        if (Json.Text(bootstrap, "subject") is not { } subject)
        {
            if (problem is not null) on.Findings.Error("bootstrap", problem.Code, $"{id}: {problem.Message}", problem.Hint);
            return;
        }

        var end = Json.Time(bootstrap, "notAfter") is { } time ? Times.Shown(time) : "?";
        switch (Json.Text(bootstrap, "validity"))
        {
            case "expired":
                on.Findings.Warn("bootstrap", "bootstrap_expired", $"{id} has expired at {end}: should the EST identity be lost, nothing brings it back by itself",
                    "have it signed anew for its key: estprov bootstrap create, then estprov bootstrap install");
                break;
            case "not_yet":
                on.Findings.Warn("bootstrap", "bootstrap_not_yet", $"{id} is not valid yet", "check the device's clock; else have it signed anew");
                break;
            default:
                if (Json.Time(bootstrap, "notAfter") - on.Now < s_timeToReplace)
                    on.Findings.Warn("bootstrap", "bootstrap_ends", $"{id} ends at {end}: should the EST identity be lost after that, nothing brings it back by itself",
                        "have it signed anew for its key in time: estprov bootstrap create, then estprov bootstrap install");
                else on.Findings.Pass("bootstrap", $"{id}: {subject}, until {end}");
                break;
        }

        if (problem is null) on.Findings.Pass("keys", $"{id}: keyd has its key '{Json.Text(bootstrap, "keyId")}'");
        // What keyd's own state is was told before.
        else if (problem.Code is "key_mismatch" or "forbidden") on.Findings.Error("keys", problem.Code, $"{id}: {problem.Message}", problem.Hint);
    }

    private void Trust(string id)
    {
        if (Read("trust", id) is not { } anchors) return;
        var good = 0;
        foreach (var anchor in anchors)
        {
            var end = Times.EndOf(anchor);
            if (end <= on.Now)
                on.Findings.Warn("trust", "anchor_expired", $"{id}: '{anchor.Subject}' has expired at {Times.Shown(end)}",
                    "remove its file, and bring its successor's");
            else if (end - on.Now < EndsSoon)
                on.Findings.Warn("trust", "anchor_ends", $"{id}: '{anchor.Subject}' ends at {Times.Shown(end)}",
                    "bring its successor's file in time");
            if (end > on.Now) good++;
            anchor.Dispose();
        }

        if (good == 0 && !HasOtherTrust)
            on.Findings.Error("trust", "trust_empty", $"{id} holds no CA that is valid",
                "put the EST server's CA into [preloaded_certs] \"trust-bundle\", or set trusted_certs");
        else on.Findings.Pass("trust", $"{id}: {good} CA{(good == 1 ? "" : "s")}");
    }

    /// <summary>EST servers need no bundle: nothing comes over EST, or they are verified by something else.</summary>
    private bool HasOtherTrust => on.Certd?.Est is null or { TrustSystem: true } or { CaFingerprint: not null };

    private X509Certificate2Collection? Read(string check, string id)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(on.Daemons.Certificate(id));
            if (certificates.Count > 0 || check == "trust") return certificates;
        }
        catch (ProblemException problem)
        {
            if (check != "trust" || problem.Code != "certificate_not_found" || !HasOtherTrust)
                on.Findings.Error(check, problem.Code, $"{id}: {problem.Message}", problem.Hint);
            return null;
        }
        catch (CryptographicException)
        {
            // Said below.
        }

        on.Findings.Error(check, "certificate_invalid", $"{id}: what certd has cannot be read as certificates",
            $"see it with estprov cert show {id} --pem");
        return null;
    }
}
