using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Checks;
using EstProv.Cli.Daemons;
using EstProv.Cli.Output;
using EstProv.Configuration;
using EstProv.Configuration.Certd;
using EstProv.Est;
using EstProv.Keys.Client;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov bootstrap …</c>: the identity that a device is born with.</summary>
internal sealed class BootstrapCommands(TimeProvider time, Machine machine)
{
    private const string DefaultId = "bootstrap", EcPublicKey = "1.2.840.10045.2.1"; // RFC 5480
    private const string DefaultAlgorithms = "ec-p256:rsa-2048";
    private const int DefaultDays = 3650;

    private static readonly Option Id = new("--id", "ID", "of the certificate; default as certd.toml says, else bootstrap");

    private static readonly Option Subject = new("--subject", "NAME", "what it is for, such as CN=device-0001; default CN=the host name");

    private static readonly Option Algorithm = new("--algorithm", "A",
        "of a new key, such as ec-p256 or rsa-2048:ec-p256; default ec-p256:rsa-2048");

    private static readonly Option SelfSigned = new("--self-signed", null, "a certificate signed by its own key, instead of a request");

    private static readonly Option Days = new("--days", "N", "how long that is valid; default 3650");

    public Command[] All =>
    [
        new()
        {
            Name = "bootstrap create",
            Summary = "Makes the bootstrap key in the token, and a request for its certificate",
            Details = """
                Its key is the one that certd.toml names beside it. One that keyd has already is used as it is, so that
                this can be repeated; one that [preloaded_keys] names and that is not in the token is made there, under
                the label of its URI. The request (PKCS#10) is printed, for your CA to sign; 'estprov bootstrap install'
                takes what it gives back. The user must have the rights generate and use in keyd.toml.
                """,
            Options = [Id, Subject, Algorithm, SelfSigned, Days, EstOptions.Out, Option.ConfigDir, Option.RuntimeDir],
            Run = RunCreate,
        },
        new()
        {
            Name = "bootstrap install",
            WordNames = "FILE",
            Summary = "Puts the signed bootstrap certificate where certd reads it",
            Details = """
                FILE is PEM, leaf first. It must be for the key that keyd has, and valid. It goes to the path that
                certd.toml names in [preloaded_certs] under the id.
                """,
            Options = [Id, Option.ConfigDir, Option.RuntimeDir],
            Run = RunInstall,
        },
    ];

    private int RunCreate(CommandLine line, Terminal terminal)
    {
        var subject = EstOptions.Name(Subject, line.Value(Subject.Name) ?? "CN=" + machine.HostName);
        var algorithms = line.Value(Algorithm.Name) ?? DefaultAlgorithms;
        // Before there is a key of which nothing can be made.
        foreach (var name in algorithms.Split(':'))
        {
            if (name != "*" && !name.StartsWith("ec-", StringComparison.Ordinal) && !name.StartsWith("rsa-", StringComparison.Ordinal))
                throw new UsageException($"{Algorithm.Name} takes EC and RSA, such as ec-p256 or rsa-2048:ec-p256, not '{name}'");
        }

        var length = line.Value(Days.Name) ?? $"{DefaultDays}";
        if (!int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var days)
            || days is 0 or > 36_500)
            throw new UsageException($"{Days.Name} takes a number of days, from 1 to 36500, not '{length}'");
        if (line.Has(SelfSigned.Name) && time.GetUtcNow() < machine.BuildTime)
            throw new ProblemException("clock_behind", $"the clock says {Times.Shown(time.GetUtcNow())}, before this program was built, and the certificate would be of that time", "set the clock first");
        using var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name));
        var keys = daemons.Keys;
        var (_, id) = Ids(line, Certd(line, isNeeded: false));
        var key = FindOrCreate(keys, id, algorithms);
        var scheme = SignatureScheme.RsaPkcs1;
        var signer = SignerOf(id, key, (hash, digest) => keys.SignDigest(key.Handle, scheme, hash, digest));
        if (signer.PublicKey.Oid.Value == EcPublicKey) scheme = SignatureScheme.Ecdsa;
        var content = new CertificateRequestContent
        {
            Subject = subject,
            KeyUsage = X509KeyUsageFlags.DigitalSignature,
            ClientAuthentication = true,
        };
        string pem;
        if (line.Has(SelfSigned.Name))
        {
            var now = time.GetUtcNow();
            using var certificate = CertificateSigningRequests.ToRequest(content, signer)
                .Create(subject, signer, now.AddMinutes(-5), now.AddDays(days), Serial());
            pem = certificate.ExportCertificatePem() + "\n";
        }
        else
        {
            pem = PemEncoding.WriteString("CERTIFICATE REQUEST", CertificateSigningRequests.Create(content, signer)) + "\n";
        }

        EstFiles.Write(line, terminal, pem);
        return 0;
    }

    private int RunInstall(CommandLine line, Terminal terminal)
    {
        var file = line.Words[0];
        var chain = EstFiles.Certificates(file);
        var leaf = chain[0];
        if (Times.EndOf(leaf) <= time.GetUtcNow())
            throw new ProblemException("certificate_expired", $"{file}: '{leaf.Subject}' has expired at {Times.Shown(Times.EndOf(leaf))}",
                "have it signed anew, or set the clock");
        if (leaf.NotBefore.ToUniversalTime() > time.GetUtcNow().UtcDateTime)
            throw new ProblemException("certificate_not_yet", $"{file}: '{leaf.Subject}' is valid from {Times.Shown(new DateTimeOffset(leaf.NotBefore.ToUniversalTime()))} on, and it is {Times.Shown(time.GetUtcNow())}",
                "set the clock; or have it signed anew, from an earlier time on");
        var certd = Certd(line, isNeeded: true)!;
        var (id, keyId) = Ids(line, certd);
        var path = certd.PreloadedFiles.TryGetValue(id, out var preloaded) ? preloaded.Value
            : throw new ProblemException("not_configured", $"[preloaded_certs] of certd.toml names no file for '{id}'", $"add \"{id}\" = \"/path/of/the/file\" there");
        using (var daemons = new DaemonClients(line.Value(Option.RuntimeDir.Name)))
        {
            if (daemons.Keys.FindKeyPair(keyId, SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo())) is null)
            {
                throw new ProblemException("key_mismatch", $"{file}: keyd has no key '{keyId}' that belongs to '{leaf.Subject}'",
                    "it must be made from the request that 'estprov bootstrap create' prints on this device");
            }
        }

        ResultFile.Write(path, Encoding.ASCII.GetBytes(chain.ExportCertificatePems() + "\n"), EstFiles.Readable);
        terminal.Line($"'{leaf.Subject}', until {Times.Shown(Times.EndOf(leaf))}, is in {path}");
        return 0;
    }

    private static KeyReference FindOrCreate(KeyClient keys, string id, string algorithms)
    {
        if (keys.FindKeyPair(id) is { } there) return there;
        try
        {
            return keys.CreateKeyPair(id, algorithms);
        }
        catch (ProblemException refused) when (refused.Code == "forbidden")
        {
            throw new ProblemException(refused.Code, refused.Message,
                $"for as long as it takes, write /etc/estprov/keyd.d/50-bootstrap.toml: [[principal]], uid = {Users.Self}, keys = [\"{id}\"], rights = [\"use\", \"generate\"]",
                inner: refused);
        }
    }

    private static RemoteSignatureGenerator SignerOf(string id, KeyReference key, Func<HashAlgorithmName, byte[], byte[]> sign)
    {
        try
        {
            return new RemoteSignatureGenerator(key.SubjectPublicKeyInfo, sign);
        }
        catch (CryptographicException cause)
        {
            throw new ProblemException("key_type", $"the key '{id}' is neither EC nor RSA, and no request can be made with it",
                $"make another one: {Id.Name} and bootstrap_identity_pk of certd.toml name it", inner: cause);
        }
    }

    /// <summary>Null where there is none; one that cannot be used would name another key than is meant.</summary>
    private CertdConfiguration? Certd(CommandLine line, bool isNeeded)
    {
        var folder = line.Value(Option.ConfigDir.Name) ?? Option.DefaultConfigDir;
        var file = Path.Combine(folder, "certd.toml");
        if (!isNeeded && !File.Exists(file)) return null;
        var loaded = ConfigurationLoader.LoadCertd(file, Path.Combine(folder, "certd.d"), machine.FindUser);
        return loaded.Value ?? throw new ProblemException("config_invalid", $"{loaded.Errors[0]}", "'estprov config check' says all that is wrong");
    }

    /// <summary>Of certificate and key, as certd.toml pairs them.</summary>
    private static (string Certificate, string Key) Ids(CommandLine line, CertdConfiguration? certd)
    {
        var certificate = line.Value(Id.Name) ?? certd?.Est?.BootstrapIdentityCert ?? DefaultId;
        if (certd is null) return (certificate, certificate);
        if (KeyIn(certd.Est?.Access, certificate) is { } shared) return (certificate, shared);
        foreach (var (_, issuance) in certd.Issuance)
        {
            if (KeyIn(issuance.Auth, certificate) is { } own) return (certificate, own);
        }

        return (certificate, certificate);
    }

    private static string? KeyIn(EstAccess? access, string certificate) => access?.BootstrapIdentityCert == certificate ? access.BootstrapIdentityPk : null;

    /// <summary>127 random bits, positive (RFC 5280 section 4.1.2.2).</summary>
    private static byte[] Serial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 1);
        return serial;
    }
}
