using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Cli.Arguments;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov cert show</c>.</summary>
internal static class CertCommands
{
    private static readonly Option Pem = new("--pem", null, "the PEM only, leaf first");

    public static readonly Command Show = new()
    {
        Name = "cert show",
        WordNames = "ID",
        Summary = "Shows a certificate and its chain",
        Options = [Pem, Option.RuntimeDir],
        Run = RunShow,
    };

    private static int RunShow(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var pem = daemons.Certificate(line.Words[0]);
        if (line.Has(Pem.Name))
        {
            terminal.Output.Write(pem);
            return 0;
        }

        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(pem);
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("certificate_invalid", $"what certd has as {line.Words[0]} cannot be read as certificates", "see it with --pem", inner: cause);
        }

        foreach (var certificate in chain)
        {
            Write(terminal, certificate);
            certificate.Dispose();
        }

        terminal.Output.Write(pem);
        return 0;
    }

    private static void Write(Terminal terminal, X509Certificate2 certificate)
    {
        terminal.Line($"subject      {certificate.Subject}");
        terminal.Line($"issuer       {certificate.Issuer}");
        terminal.Line($"serial       {certificate.SerialNumber}");
        terminal.Line($"valid        {Time(certificate.NotBefore)} to {Time(certificate.NotAfter)}");
        terminal.Line($"key          {certificate.PublicKey.Oid.FriendlyName}, SHA-256 of it {Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}");
        terminal.Line($"fingerprint  {Convert.ToHexStringLower(SHA256.HashData(certificate.RawData))} (SHA-256)");
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509BasicConstraintsExtension { CertificateAuthority: true }) terminal.Line("CA           yes");
            if (extension is X509SubjectAlternativeNameExtension names) terminal.Line($"names        {string.Join(", ", names.EnumerateDnsNames())}");
        }

        terminal.Line();
    }

    private static string Time(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
