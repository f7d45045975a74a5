using System.Security.Cryptography;
using EstProv.Simulator.Est;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator;

/// <summary>What the operator does with his CA before a device leaves the factory (mission: device set-up).</summary>
internal static class OperatorCommands
{
    /// <summary>Signs a bootstrap certificate with the bootstrap CA.</summary>
    public static int SignBootstrap(CommandLine line) => Sign(line, "bootstrap", pki => pki.Bootstrap, days: 3650);

    /// <summary>Issues an EST identity as the EST server would, with its issuing CA behind it.</summary>
    public static int IssueEstIdentity(CommandLine line) => Sign(line, "est-id", pki => pki.Identity, days: 90);

    private static int Sign(CommandLine line, string label, Func<SimulatorPki, Authority> choose, int days)
    {
        var data = line.Value("--data") ?? throw new CommandLineException("--data DIR is due");
        var csr = line.Value("--csr") ?? throw new CommandLineException("--csr FILE is due");
        var output = line.Value("--out") ?? throw new CommandLineException("--out FILE is due");
        days = line.Number("--days") ?? days;
        var leafOnly = line.Flag("--leaf-only");
        var kind = line.KeyKind();
        line.End();
        var now = TimeProvider.System.GetUtcNow();
        var pki = SimulatorPki.LoadOrCreate(data, kind, now);
        var authority = choose(pki);
        SigningRequest request;
        try
        {
            request = SigningRequest.FromFile(csr);
        }
        catch (Exception e) when (e is CryptographicException or IOException or FormatException)
        {
            throw new CommandLineException($"{csr}: {e.Message}", e);
        }

        using var certificate = new Issuer(data).Issue(
            new IssueOrder
            {
                Request = request,
                Issuer = authority,
                Profile = EstProfile.Client,
                Validity = TimeSpan.FromDays(days),
                Label = label,
                Operation = label == "bootstrap" ? "sign-bootstrap" : "issue-est-id",
                EstIdentity = label == "est-id",
                AlternativeNames = request.AlternativeNames,
            },
            now);
        var pem = certificate.ExportCertificatePem() + "\n";
        if (authority.Issuer is not null && !leafOnly)
        {
            pem += authority.Certificate.ExportCertificatePem() + "\n";
        }

        StateFile.Write(output, pem);
        Console.WriteLine($"{output}: {certificate.Subject}, issued by {certificate.Issuer}, valid until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}");
        return 0;
    }
}
