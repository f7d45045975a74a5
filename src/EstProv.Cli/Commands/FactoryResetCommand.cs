using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov factory-reset</c>: back to the identity that the device was born with, and from there on by itself.</summary>
internal sealed class FactoryResetCommand(TimeProvider time, Machine machine)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public Command Command => new()
    {
        Name = "factory-reset",
        Summary = "Forgets all certificates and begins anew with the bootstrap identity",
        Details = """
            All that certd has issued or was brought is forgotten, the EST identity last, and asked for anew with
            the bootstrap identity; then the device registers again. Operators' files, configuration and keys stay;
            each new certificate gets a new key.
            Nothing is done unless the bootstrap identity could be used: its certificate valid, its key in keyd, its
            EST server there.
            """,
        Options = [Confirmation.Yes, Option.ConfigDir, Option.RuntimeDir],
        Run = Run,
    };

    private int Run(CommandLine line, Terminal terminal)
    {
        var folder = line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir;
        var loaded = ConfigurationLoader.LoadCertd(Path.Combine(folder, "certd.toml"), Path.Combine(folder, "certd.d"), machine.FindUser);
        if (loaded.Value is not { } certd)
            throw new ProblemException("config_invalid", $"{loaded.Errors[0]}", "'estprov config check' says all that is wrong");
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var identities = DemandBootstraps(daemons, certd);
        var ids = Ids(daemons, identities);
        Confirmation.Demand(line, terminal, machine, $"Forget {string.Join(", ", ids)}, and begin anew with the bootstrap identity?");
        foreach (var id in ids) daemons.Ask("certd", $"/certificates/{Uri.EscapeDataString(id)}", "DELETE", wait: Patience);
        terminal.Line($"forgotten: {string.Join(", ", ids)}");
        terminal.Flush();
        daemons.Ask("identityd", "/identities/device/reprovision", "POST", """{"type":"aziot"}"""u8, Patience);
        terminal.Line(ProvisioningSteps.Result(terminal, daemons.ProvisioningStatus()));
        return 0;
    }

    /// <summary>A device that could not come back would be lost: each EST identity must have its way back.</summary>
    /// <returns>The ids of the EST identities.</returns>
    private List<string> DemandBootstraps(DaemonClients daemons, CertdConfiguration certd)
    {
        var identities = new List<string>();
        if (certd.Est is { } est) Demand(est.Access);
        foreach (var issuance in certd.Issuance.Values)
        {
            if (issuance.Auth is { IdentityCert: not null } own) Demand(own);
        }

        return identities.Count > 0 ? identities : throw NoBootstrap();

        void Demand(EstAccess access)
        {
            if (access is not { IdentityCert: { } identity, BootstrapIdentityCert: { } bootstrap }) throw NoBootstrap();
            if (identities.Contains(identity)) return;
            DemandBootstrap(daemons, identity, bootstrap, access.BootstrapIdentityPk ?? bootstrap);
            identities.Add(identity);
        }
    }

    private void DemandBootstrap(DaemonClients daemons, string identity, string bootstrap, string keyId)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(daemons.Certificate(bootstrap));
        }
        catch (CryptographicException)
        {
            throw Refused($"the bootstrap certificate '{bootstrap}' cannot be read", "see its file in [preloaded_certs]");
        }

        if (chain.Count == 0) throw Refused($"the bootstrap certificate '{bootstrap}' is empty", "see its file in [preloaded_certs]");
        var leaf = chain[0];
        if (Times.EndOf(leaf) <= time.GetUtcNow())
            throw Refused($"the bootstrap certificate '{bootstrap}' has expired at {Times.Shown(Times.EndOf(leaf))}",
                "have it signed anew first: estprov bootstrap create, estprov bootstrap install");
        if (daemons.Keys.FindKeyPair(keyId, SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo())) is null)
            throw Refused($"keyd has no key '{keyId}' of the bootstrap certificate '{bootstrap}'",
                "see [preloaded_keys] of keyd.toml, and whether it is the right token");
        try
        {
            daemons.Ask("certd", $"/credentials/{Uri.EscapeDataString(identity)}/try", "POST", wait: Patience);
        }
        catch (ProblemException problem)
        {
            throw Refused($"the EST server does not answer: {problem.Message}", problem.Hint);
        }
    }

    /// <summary>What certd has of its own; the EST identities last, so that a reset that was interrupted can be repeated.</summary>
    private static List<string> Ids(DaemonClients daemons, List<string> identities)
    {
        var ids = new List<string>();
        foreach (var credential in daemons.Credentials().EnumerateArray())
        {
            if (Json.Text(credential, "id") is { } id && !identities.Contains(id) && Json.Text(credential, "state") != "preloaded") ids.Add(id);
        }

        ids.AddRange(identities);
        return ids;
    }

    private static ProblemException NoBootstrap() => Refused("no bootstrap identity is configured",
        "set bootstrap_identity_cert and bootstrap_identity_pk in [cert_issuance.est] of certd.toml");

    private static ProblemException Refused(string why, string hint) =>
        new("reset_refused", $"nothing was done, since the device could not come back: {why}", hint);
}
