using EstProv.Certificates.Client;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Rescue;
using EstProv.Certificates.Store;
using EstProv.Configuration.Certd;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Certificates.Engine;

/// <summary>
/// Back to the identity that the device was born with. Each EST identity is got anew with its bootstrap identity first, while the one in
/// use stays until the new one is
/// proved; only then the other certificates are forgotten. So a refusal, or the end of the process, at any point leaves a device that goes
/// on by itself.
/// </summary>
internal sealed class ResetRequests(EngineParts parts, CredentialEngine engine, CredentialRequests requests, RescueRequests rescues)
{
    private CredentialTable Table => engine.Table;

    public IReadOnlyDictionary<string, EstAccess> Identities => Table.Identities;

    public BootstrapJudgement Judge(string identity, EstAccess access) => engine.Identities.JudgeBootstrap(identity, access);

    /// <summary>
    /// What would be forgotten: CAs before what they have minted, the EST identities last. What was imported, and operators' files, stay.
    /// </summary>
    public List<string> Ids()
    {
        List<string> cas = [], others = [];
        lock (Table.Gate)
        {
            foreach (var credential in Table.Credentials)
            {
                // What is not issued here any more could not be had again.
                if (Table.IsIdentity(credential) || credential.Issuance is null || credential is { Stored: null, Staged: null, Pending: null }) continue;
                (credential.Profile == CertificateProfile.Ca ? cas : others).Add(credential.Id);
            }

            foreach (var other in Table.Others)
            {
                if (other.Kind == StoredKind.Issued && Table.Find(other.Id) is null) others.Add(other.Id);
            }
        }

        cas.AddRange(others);
        foreach (var (identity, _) in Table.Identities) cas.Add(identity);
        return cas;
    }

    /// <summary>
    /// Whether the device could come back: each EST identity has a bootstrap identity that can be used, and a server that answers.
    /// </summary>
    /// <exception cref="ProblemException"><c>reset_refused</c>.</exception>
    public void Demand(CancellationToken cancel)
    {
        var isAny = false;
        foreach (var (identity, access) in Table.Identities)
        {
            isAny = true;
            var bootstrap = Judge(identity, access);
            if (bootstrap.CertificateId is not { } id) throw NoBootstrap();
            if (bootstrap.Problem is { } problem) throw Refused(problem.Message, problem.Hint);
            if (bootstrap.IsOver)
                throw Refused($"the bootstrap certificate '{id}' has expired at {Utc.Format(bootstrap.NotAfter)}",
                    "have it signed anew first: estprov bootstrap create, estprov bootstrap install");
            if (bootstrap.IsEarly)
                throw Refused($"the bootstrap certificate '{id}' is valid from {Utc.Format(bootstrap.NotBefore)} on", "check the device's clock, or wait");
        }

        if (!isAny) throw NoBootstrap();
        foreach (var (identity, _) in Table.Identities)
        {
            try
            {
                // Whatever it says: whether it gives a new one is seen before anything is forgotten.
                _ = requests.TryServer(identity, out _, cancel);
            }
            catch (ProblemException problem)
            {
                throw Refused($"the EST server does not answer: {problem.Message}", problem.Hint);
            }
        }
    }

    /// <summary>Does it.</summary>
    /// <param name="ids">Of <see cref="Ids"/>.</param>
    /// <param name="by">Who wants it, for the audit.</param>
    /// <param name="wait">For each EST identity.</param>
    /// <exception cref="ProblemException"><c>reset_refused</c>: an EST identity could not be got anew, and the others stay; what forgetting
    /// says.</exception>
    public void Run(List<string> ids, string by, TimeSpan wait, CancellationToken cancel)
    {
        foreach (var (identity, _) in Table.Identities) GetAnew(Table.FindLocked(identity)!, by, wait, cancel);
        foreach (var id in ids)
        {
            if (Table.FindIdentity(id) is null) requests.Forget(id, cancel);
        }
    }

    private void GetAnew(Credential identity, string by, TimeSpan wait, CancellationToken cancel)
    {
        var grant = new RescueGrant(RescueWay.Bootstrap, $"factory reset, {by}", null) { Since = parts.Time.GetTimestamp() };
        try
        {
            var answer = rescues.Use(identity, grant, wait, cancel);
            if (answer.State == "current") return;
            throw answer.Problem is { } problem
                ? Refused($"the bootstrap identity got no new EST identity '{identity.Id}': {problem.Message}", WhatThen(problem))
                : Refused($"the EST server has not given a new EST identity '{identity.Id}' in time", "try again later; see estprov status");
        }
        catch (ProblemException)
        {
            GiveUp(identity, grant);
            throw;
        }
    }

    private static string WhatThen(CredentialProblem problem) => problem.Code switch
    {
        "est_pending" => "once it is approved there, repeat the reset: the same request is sent again",
        // What is tried again by itself elsewhere is not here.
        "est_busy" or "est_server_error" or "est_timeout" => "repeat the reset when the EST server is well again",
        _ => $"{problem.Hint}; then repeat the reset",
    };

    /// <summary>The one in use goes on as if nothing had been.</summary>
    private void GiveUp(Credential identity, RescueGrant grant)
    {
        lock (Table.Gate)
        {
            if (!ReferenceEquals(identity.Rescue, grant)) return;
        }

        engine.Steps.EndRescue(identity, "it is not tried again by itself");
        lock (Table.Gate)
        {
            if (!identity.Busy && identity.Pending is null && Needs.Of(identity, parts.Clock, engine.Identities.BootstrapAlways(identity)) == Need.None) identity.ForgetFailures();
        }

        engine.Evaluate();
    }

    private static ProblemException NoBootstrap() => Refused("no bootstrap identity is configured",
        "set bootstrap_identity_cert and bootstrap_identity_pk in [cert_issuance.est] of certd.toml");

    private static ProblemException Refused(string why, string hint) =>
        new("reset_refused", $"nothing was forgotten, since the device could not come back: {why}", hint, 409);
}
