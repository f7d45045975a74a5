using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov cert …</c>.</summary>
internal sealed class CertCommands(TimeProvider time, Machine machine)
{
    /// <summary>certd finishes first what it has begun with a certificate, or says after as long that it is busy.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly Option Pem = new("--pem", null, "the PEM only, leaf first");

    public Command[] All =>
    [
        new()
        {
            Name = "cert list",
            Summary = "Lists the certificates",
            Options = [Option.RuntimeDir],
            Run = RunList,
        },
        new()
        {
            Name = "cert show",
            WordNames = "ID",
            Summary = "Shows a certificate and its chain",
            Options = [Pem, Option.RuntimeDir],
            Run = RunShow,
        },
        new()
        {
            Name = "cert export",
            WordNames = "ID FILE",
            Summary = "Writes a certificate and its chain into a file",
            Details = "PEM, leaf first. The file is there as a whole or not at all. Its key stays in keyd: see 'estprov key reference'.",
            Options = [Option.RuntimeDir],
            Run = RunExport,
        },
        new()
        {
            Name = "cert import",
            WordNames = "ID FILE",
            Summary = "Brings a certificate that somebody has signed",
            Details = """
                PEM, leaf first. Where keyd has a key pair under the same id, it must be for that. One that certd renews
                is proved before it replaces the one in use.
                """,
            Options = [Option.RuntimeDir],
            Run = RunImport,
        },
        new()
        {
            Name = "cert delete",
            WordNames = "ID",
            Summary = "Has certd forget a certificate",
            Details = "What certd issues is asked for anew when it is needed. An operator's file stays, and so does the key in keyd.",
            Options = [Confirmation.Yes, Option.RuntimeDir],
            Run = RunDelete,
        },
    ];

    private int RunList(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        CredentialTable.Write(terminal, daemons.Credentials(), time.GetUtcNow());
        return 0;
    }

    private static int RunExport(CommandLine line, Terminal terminal)
    {
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        ResultFile.Write(line.Words[1], Encoding.ASCII.GetBytes(daemons.Certificate(line.Words[0])), EstFiles.Readable);
        return 0;
    }

    private static int RunImport(CommandLine line, Terminal terminal)
    {
        var (id, file) = (line.Words[0], line.Words[1]);
        var pem = EstFiles.Read(file);
        // Looked at here, so that what is no certificate is told with the file's name.
        foreach (var certificate in EstFiles.Certificates(pem, file)) certificate.Dispose();
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        daemons.Ask("certd", $"/certificates/{Uri.EscapeDataString(id)}", "PUT",
            JsonFields.Write(json => json.WriteString("pem"u8, pem)), Patience);
        terminal.Line($"{id} is taken; 'estprov cert list' shows whether it is in use already");
        return 0;
    }

    private int RunDelete(CommandLine line, Terminal terminal)
    {
        var id = line.Words[0];
        Confirmation.Demand(line, terminal, machine, $"Delete the certificate '{id}'?");
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        daemons.Ask("certd", $"/certificates/{Uri.EscapeDataString(id)}", "DELETE", wait: Patience);
        return 0;
    }

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
            if (extension is X509SubjectAlternativeNameExtension names) terminal.Line($"names        {NamesIn(names)}");
        }

        terminal.Line();
    }

    /// <summary>DNS names and addresses; names of another kind are only told to be there.</summary>
    private static string NamesIn(X509SubjectAlternativeNameExtension names)
    {
        var all = new List<string>(names.EnumerateDnsNames());
        foreach (var address in names.EnumerateIPAddresses()) all.Add(address.ToString());
        return all.Count == 0 ? "of another kind (see openssl x509 -text)" : string.Join(", ", all);
    }

    private static string Time(DateTime time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
