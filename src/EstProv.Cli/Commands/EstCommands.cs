using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EstProv.Cli.Arguments;
using EstProv.Cli.Output;
using EstProv.Est;
using EstProv.Platform;

namespace EstProv.Cli.Commands;

/// <summary><c>estprov est …</c>: an EST client (RFC 7030) for the operator's hands, without the daemons.</summary>
internal sealed class EstCommands(TimeProvider time)
{
    public Command[] All =>
    [
        new()
        {
            Name = "est cacerts",
            Summary = "Fetches an EST server's CA certificates",
            Options = EstOptions.Server,
            Run = RunCaCertificates,
        },
        new()
        {
            Name = "est csrattrs",
            Summary = "Fetches what an EST server wants to see in requests",
            Details = "Prints the DER of CsrAttrs (RFC 7030 section 4.5.2) as base64; openssl asn1parse shows it. With --out it is written as DER.",
            Options = EstOptions.Server,
            Run = RunAttributes,
        },
        new()
        {
            Name = "est enroll",
            Summary = "Has an EST server issue a certificate for a request",
            Details = "The certificate is printed with its intermediates, once it is found good: the request's key, a path to the CA, valid now.",
            Options = [.. EstOptions.Server, EstOptions.Csr],
            Run = (line, terminal) => RunEnrol(line, terminal, EstOperation.Simple),
        },
        new()
        {
            Name = "est reenroll",
            Summary = "Has an EST server renew the certificate that is shown to it",
            Details = "The request must have the subject and the names of --cert (RFC 7030 section 4.2.2). The new certificate is printed once it is found good.",
            Options = [.. EstOptions.Server, EstOptions.Csr],
            Run = (line, terminal) => RunEnrol(line, terminal, EstOperation.Reenroll),
        },
        new()
        {
            Name = "est serverkeygen",
            Summary = "Has an EST server make a key and its certificate",
            Details = "For keys that cannot be made where they are used (RFC 7030 section 4.4). The key goes to a file for its owner alone, never into keyd.",
            Options = [.. EstOptions.Server, EstOptions.Subject, EstOptions.KeyOut, EstOptions.Encrypt],
            Run = RunServerKey,
        },
        new()
        {
            Name = "est fullcmc",
            Summary = "Is not offered",
            Hidden = true,
            Options = EstOptions.Server,
            Run = static (_, _) => throw new ProblemException("est_full_cmc", "full CMC (RFC 7030 section 4.3) is not spoken",
                "use 'estprov est enroll' or 'estprov est reenroll'"),
        },
    ];

    private int RunCaCertificates(CommandLine line, Terminal terminal)
    {
        using var connection = EstConnection.Open(line, time);
        var certificates = Wait(connection.Client.GetCaCertificatesAsync(CancellationToken.None));
        var pem = new StringBuilder();
        foreach (var certificate in certificates) pem.Append(certificate.ExportCertificatePem()).Append('\n');
        EstFiles.Write(line, terminal, pem.ToString());
        return 0;
    }

    private int RunAttributes(CommandLine line, Terminal terminal)
    {
        using var connection = EstConnection.Open(line, time);
        if (Wait(connection.Client.GetCsrAttributesAsync(CancellationToken.None)) is { } der) EstFiles.Write(line, terminal, der, Convert.ToBase64String(der) + "\n");
        else terminal.ErrorText("the server asks for nothing\n");
        return 0;
    }

    private int RunEnrol(CommandLine line, Terminal terminal, EstOperation operation)
    {
        var file = EstOptions.Needed(line, EstOptions.Csr);
        var der = EstFiles.Request(file);
        var request = Parse(der, file);
        using var connection = EstConnection.Open(line, time);
        var certificates = connection.CaCertificates();
        var issued = Issued(connection, Wait(connection.Client.EnrollAsync(der, operation, CancellationToken.None)));
        Write(line, terminal, Checked(connection, issued, request.PublicKey.ExportSubjectPublicKeyInfo(), request.SubjectName, WantsCa(request), certificates));
        return 0;
    }

    private int RunServerKey(CommandLine line, Terminal terminal)
    {
        var subject = EstOptions.Name(EstOptions.Subject, EstOptions.Needed(line, EstOptions.Subject));
        var keyFile = EstOptions.Needed(line, EstOptions.KeyOut);
        var encrypted = line.Has(EstOptions.Encrypt.Name);
        using var connection = EstConnection.Open(line, time);
        // Of the request's own key and signature the server takes nothing.
        using var unused = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var content = new CertificateRequestContent { Subject = subject, DecryptKeyIdentifier = encrypted ? Recipient(connection) : null };
        var request = CertificateSigningRequests.Create(content,
            new RemoteSignatureGenerator(unused.ExportSubjectPublicKeyInfo(), (_, digest) => unused.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence)));
        var certificates = connection.CaCertificates();
        using var file = new KeyFile(keyFile);
        var answer = Wait(connection.Client.GenerateKeyAsync(request, encrypted, CancellationToken.None));
        if (answer is not EstEnrollment.IssuedWithKey issued) throw Later(connection, (EstEnrollment.Pending)answer);

        var key = issued.Key;
        try
        {
            if (encrypted) key = Decrypted(line, connection, issued);
            var chain = Checked(connection, issued.Certificates, ServerGeneratedKey.PublicKeyOf(key), subject, caWanted: false, certificates);
            var pem = PemEncoding.WriteUtf8("PRIVATE KEY"u8, key);
            file.Write(pem);
            CryptographicOperations.ZeroMemory(pem);
            Write(line, terminal, chain);
            return 0;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static byte[] Decrypted(CommandLine line, EstConnection connection, EstEnrollment.IssuedWithKey issued)
    {
        using var recipient = EstFiles.WithKey(connection.Certificate!, line.Value(EstOptions.Key.Name)!);
        using var rsa = recipient.GetRSAPrivateKey()!;
        return ServerGeneratedKey.Decrypt(issued.Key, rsa);
    }

    private static byte[] Recipient(EstConnection connection)
    {
        var (encrypt, shown) = (EstOptions.Encrypt.Name, EstOptions.Certificate.Name);
        if (connection.Certificate is not { } certificate) throw new UsageException($"{encrypt} needs {shown} and {EstOptions.Key.Name}");
        if (!EstFiles.IsRsa(certificate)) throw new UsageException($"{encrypt} needs an RSA key; that of {shown} is none");
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509SubjectKeyIdentifierExtension identifier) return identifier.SubjectKeyIdentifierBytes.ToArray();
        }

        return new X509SubjectKeyIdentifierExtension(certificate.PublicKey, critical: false).SubjectKeyIdentifierBytes.ToArray();
    }

    private static X509Certificate2Collection Issued(EstConnection connection, EstEnrollment answer) =>
        answer is EstEnrollment.Issued issued ? issued.Certificates : throw Later(connection, (EstEnrollment.Pending)answer);

    private static ProblemException Later(EstConnection connection, EstEnrollment.Pending pending) => new("est_pending",
        $"the EST server at {connection.Url} has the request and asks for patience (HTTP 202)",
        $"run the same command again in {Math.Ceiling(pending.RetryAfter.TotalSeconds)} s");

    private static IssuedChain Checked(EstConnection connection, X509Certificate2Collection issued, byte[] key, X500DistinguishedName subject, bool caWanted,
        X509Certificate2Collection caCertificates) => IssuedCertificateCheck.Verify(issued, key, subject, caWanted, connection.Anchors, caCertificates, connection.Clock,
            new IssuedFrom { Url = connection.Url, Credential = connection.Credential });

    private static void Write(CommandLine line, Terminal terminal, IssuedChain chain)
    {
        foreach (var note in chain.Notes) terminal.ErrorText($"note: {note}\n");
        EstFiles.Write(line, terminal, chain.ToPem());
    }

    private static CertificateRequest Parse(byte[] der, string file)
    {
        try
        {
            return CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions,
                RSASignaturePadding.Pkcs1);
        }
        catch (NotSupportedException cause)
        {
            throw new ProblemException("file_content", $"{file} is a request for a key of a kind that is not known here", "EC and RSA keys are", inner: cause);
        }
        catch (Exception cause) when (cause is CryptographicException or AsnContentException or ArgumentException)
        {
            throw new ProblemException("file_content", $"{file} is no PKCS#10 request with a signature by its own key",
                "'openssl req -verify' says more; openssl req -new makes one", inner: cause);
        }
    }

    private static bool WantsCa(CertificateRequest request)
    {
        foreach (var extension in request.CertificateExtensions)
        {
            if (extension is X509BasicConstraintsExtension constraints) return constraints.CertificateAuthority;
        }

        return false;
    }

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
