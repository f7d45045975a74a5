using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;

namespace EstProv.Keys.Tests;

/// <summary>
/// Many signatures made by eight clients at once, verified by libcrypto in a program of its own (<c>verify-signatures.c</c>): 200 of each kind
/// and padding, half of them with SHA-256 and half with SHA-384, or as many as ESTPROV_SIGNATURES says.
/// </summary>
public sealed class SignatureSweepTests
{
    private const int Clients = 8;

    private static readonly (string Algorithm, string[] Schemes)[] Kinds =
    [
        ("ec-p256", ["ecdsa"]), ("ec-p384", ["ecdsa"]), ("ec-p521", ["ecdsa"]),
        ("rsa-2048", ["pkcs1", "pss"]), ("rsa-3072", ["pkcs1", "pss"]), ("rsa-4096", ["pkcs1", "pss"]),
        ("ed25519", ["eddsa"]),
    ];

    private TemporaryFolder _folder;

    [OneTimeSetUp]
    public void Compile()
    {
        _folder = new TemporaryFolder();
        var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "verify-signatures.c");
        var (code, output) = Run("gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", _folder["verify"], source, "-lcrypto");
        Assert.That(code, Is.Zero, output);
    }

    [OneTimeTearDown]
    public void Remove() => _folder.Dispose();

    [TestCase(true)]
    [TestCase(false)]
    public void Every_signature_verifies(bool token)
    {
        var count = Environment.GetEnvironmentVariable("ESTPROV_SIGNATURES") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 200;
        using var hsm = token ? new SoftHsm() : null;
        using var keyd = new KeydUnderTest();
        keyd.Configure(hsm is null ? "" : $"""
            [pkcs11]
            "lib_path" = "{SoftHsm.Module}"
            "base_slot" = "{hsm.TokenUri}"
            """);
        keyd.Start();
        foreach (var (algorithm, schemes) in Kinds)
        {
            if (algorithm == "ed25519" && hsm is null) continue;
            var key = keyd.Client.CreateKeyPair(algorithm, algorithm);
            File.WriteAllBytes(_folder["spki"], key.SubjectPublicKeyInfo);
            foreach (var scheme in schemes)
            {
                foreach (var hash in scheme == "eddsa" ? [HashAlgorithmName.SHA512] : (HashAlgorithmName[])[HashAlgorithmName.SHA256, HashAlgorithmName.SHA384])
                {
                    var half = scheme == "eddsa" ? count : count / 2;
                    Sign(keyd, key, scheme, hash, half);
                    var (code, output) = Run(_folder["verify"], _folder["spki"], scheme, hash.Name!.ToLowerInvariant(), _folder["records"]);
                    Assert.That((code, output.Trim()), Is.EqualTo((0, $"{half} good, 0 bad")), $"{algorithm} {scheme} {hash}");
                    TestContext.Progress.WriteLine($"{(token ? "SoftHSM2" : "files")} {algorithm} {scheme} {hash}: {output.Trim()}");
                }
            }
        }
    }

    [Test]
    public void A_wrong_signature_is_seen()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        File.WriteAllBytes(_folder["spki"], ec.ExportSubjectPublicKeyInfo());
        var digest = SHA256.HashData("message"u8);
        var signature = ec.SignHash(digest, DSASignatureFormat.Rfc3279DerSequence);
        using (var records = File.Create(_folder["records"]))
        {
            Write(records, digest, signature);
            digest[0] ^= 1;
            Write(records, digest, signature);
        }

        Assert.That(Run(_folder["verify"], _folder["spki"], "ecdsa", "sha256", _folder["records"]), Is.EqualTo((1, "1 good, 1 bad\n")));
    }

    private void Sign(KeydUnderTest keyd, KeyReference key, string scheme, HashAlgorithmName hash, int count)
    {
        using var records = File.Create(_folder["records"]);
        var next = -1;
        Exception? failure = null;
        var threads = Enumerable.Range(0, Clients).Select(_ => new Thread(() =>
        {
            try
            {
                for (int i; (i = Interlocked.Increment(ref next)) < count && failure is null;)
                {
                    var data = CryptographicOperations.HashData(hash, BitConverter.GetBytes(i));
                    var signature = Sign(keyd, key, scheme, hash, data);
                    lock (records) Write(records, data, signature);
                }
            }
            catch (Exception problem)
            {
                failure = problem;
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());
        Assert.That(failure, Is.Null);
    }

    private static byte[] Sign(KeydUnderTest keyd, KeyReference key, string scheme, HashAlgorithmName hash, byte[] data) => scheme switch
    {
        "eddsa" => keyd.Http.Send("POST", $"/sign?handle={key.Handle}&algorithm=EdDSA&api-version=2021-05-01", data, "application/octet-stream").Body,
        "ecdsa" => keyd.Client.SignDigest(key.Handle, SignatureScheme.Ecdsa, hash, data),
        "pss" => keyd.Client.SignDigest(key.Handle, SignatureScheme.RsaPss, hash, data),
        _ => keyd.Client.SignDigest(key.Handle, SignatureScheme.RsaPkcs1, hash, data),
    };

    private static void Write(Stream records, byte[] data, byte[] signature)
    {
        Span<byte> length = stackalloc byte[2];
        foreach (var part in (byte[][])[data, signature])
        {
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)part.Length);
            records.Write(length);
            records.Write(part);
        }
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
