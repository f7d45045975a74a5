using System.Numerics;
using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Index;
using EstProv.Keys.Stores;
using EstProv.Messages;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

public sealed class SmallPartsTests
{
    [TestCase(1, 1)]
    [TestCase(127, 128)]
    [TestCase(0, 255)]
    public void Raw_ECDSA_signatures_become_DER(int r, int s)
    {
        foreach (var half in (int[])[32, 48, 66])
        {
            var raw = new byte[2 * half];
            raw[half - 1] = (byte)r;
            raw[^1] = (byte)s;
            raw[half] = 0xFF;
            var der = new byte[EcdsaSignature.LongestDer];
            var length = EcdsaSignature.WriteDer(raw, der);
            var sequence = new System.Formats.Asn1.AsnReader(der.AsMemory(0, length), System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence();
            Assert.That(sequence.ReadInteger(), Is.EqualTo(new BigInteger(r)));
            Assert.That(sequence.ReadInteger(), Is.EqualTo(new BigInteger(raw.AsSpan(half), isUnsigned: true, isBigEndian: true)));
        }
    }

    [Test]
    public void The_longest_signature_fits_its_room()
    {
        var raw = new byte[132];
        raw.AsSpan().Fill(0xFF);
        Assert.That(EcdsaSignature.WriteDer(raw, new byte[EcdsaSignature.LongestDer]), Is.EqualTo(EcdsaSignature.LongestDer));
    }

    [TestCase("nistP256", "EC P-256")]
    [TestCase("nistP384", "EC P-384")]
    [TestCase("nistP521", "EC P-521")]
    public void An_EC_key_is_rebuilt_from_what_a_token_shows(string curve, string description)
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName(curve));
        var info = PublicKeyInfo.Parse(key.ExportSubjectPublicKeyInfo());
        Assert.That(info.Description, Is.EqualTo(description));
        Assert.That(PublicKeyInfo.FromEc(info.CurveOid, info.Point).Spki, Is.EqualTo(key.ExportSubjectPublicKeyInfo()), "bare point");
        byte[] wrapped = info.Point.Length < 128 ? [4, (byte)info.Point.Length, .. info.Point] : [4, 0x81, (byte)info.Point.Length, .. info.Point];
        Assert.That(PublicKeyInfo.FromEc(info.CurveOid, wrapped).Spki, Is.EqualTo(key.ExportSubjectPublicKeyInfo()), "OCTET STRING");
    }

    [Test]
    public void An_RSA_key_is_rebuilt_from_what_a_token_shows()
    {
        using var key = RSA.Create(2048);
        var info = PublicKeyInfo.Parse(key.ExportSubjectPublicKeyInfo());
        Assert.That(PublicKeyInfo.FromRsa([0, .. info.Modulus], info.Exponent).Spki, Is.EqualTo(key.ExportSubjectPublicKeyInfo()));
    }

    [Test]
    public void Other_keys_are_refused()
    {
        using var key = ECDsa.Create(ECCurve.CreateFromFriendlyName("secp256k1"));
        Assert.That(() => PublicKeyInfo.Parse(key.ExportSubjectPublicKeyInfo()), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo("key_type"));
        Assert.That(() => PublicKeyInfo.Parse(new byte[] { 0x30, 3, 1, 2 }), Throws.TypeOf<ProblemException>());
    }

    [TestCase("device-id", "device-id")]
    [TestCase("a.b_c", "a.b_c")]
    [TestCase("..", "%2E.")]
    [TestCase("../x", "%2E.%2Fx")]
    [TestCase("a b%", "a%20b%25")]
    [TestCase("ä", "%C3%A4")]
    public void Any_key_id_has_a_safe_file_name(string id, string name) => Assert.That(KeyFileName.Of(id), Is.EqualTo(name));

    [Test]
    public void Long_key_ids_have_names_of_their_own()
    {
        var a = KeyFileName.Of(new string('ä', 100) + "a");
        var b = KeyFileName.Of(new string('ä', 100) + "b");
        Assert.That(a, Is.Not.EqualTo(b));
        Assert.That(a, Has.Length.LessThan(200));
    }

    [TestCase("ec-p256:rsa-2048:*", "ec-p256 rsa-2048")]
    [TestCase("dsa-1024:rsa-2048", "rsa-2048")]
    [TestCase("rsa-4096:*", "rsa-4096 ec-p256 rsa-2048")]
    [TestCase("", "ec-p256 rsa-2048")]
    [TestCase(null, "ec-p256 rsa-2048")]
    public void Preferences_are_taken_in_order(string? wished, string order) =>
        Assert.That(string.Join(' ', KeyAlgorithms.ParsePreferences(wished).Select(static algorithm => algorithm.Name())), Is.EqualTo(order));

    [Test]
    public void A_record_is_read_as_it_was_written()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var entry = new KeyEntry(StorageId.Random(), "pkcs11", PublicKeyInfo.Parse(key.ExportSubjectPublicKeyInfo()));
        var record = new KeyRecord
        {
            KeyId = "gerät \"x\"",
            Current = entry,
            Previous = entry,
            Generating = entry.Pending,
            Destroying = [new PendingKey(StorageId.Random(), "files"), entry.Pending],
            PreloadedUri = "abc",
        };
        var read = KeyRecordFormat.Read(KeyRecordFormat.Write(record), "f");
        Assert.Multiple(() =>
        {
            Assert.That(read.KeyId, Is.EqualTo(record.KeyId));
            Assert.That(read.Current!.Id, Is.EqualTo(entry.Id));
            Assert.That(read.Current.Public.Spki, Is.EqualTo(entry.Public.Spki));
            Assert.That(read.Next, Is.Null);
            Assert.That(read.Previous!.Store, Is.EqualTo("pkcs11"));
            Assert.That(read.Generating, Is.EqualTo(entry.Pending));
            Assert.That(read.Destroying, Is.EqualTo(record.Destroying));
            Assert.That(read.PreloadedUri, Is.EqualTo("abc"));
        });
    }

    [Test]
    public void An_index_that_cannot_be_read_is_not_an_index_without_keys()
    {
        using var folder = new TemporaryFolder();
        // Tests run as root, whom no mode keeps out.
        File.CreateSymbolicLink(folder["keys"], folder["keys"]);
        var index = new KeyIndex(folder["keys"]);
        var (records, problems) = index.Load();
        Assert.Multiple(() =>
        {
            Assert.That(records, Is.Empty);
            Assert.That(problems.Single().Code, Is.EqualTo("index_damaged"));
            Assert.That(Assert.Throws<ProblemException>(() => index.CheckAbsent("device-id"))!.Code, Is.EqualTo("index_damaged"));
            var told = Assert.Throws<ProblemException>(() => index.CheckReadable("device-id"))!;
            Message.Shown("index_damaged-folder", told, (folder.Path, "/var/lib/estprov/keyd"));
        });
        index = new KeyIndex(folder["none yet"]);
        Assert.That(index.Load().Problems, Is.Empty);
        Assert.That(() => index.CheckAbsent("device-id"), Throws.Nothing);
    }

    [TestCase("", "index_damaged")]
    [TestCase("[]", "index_damaged")]
    [TestCase("""{"version":1}""", "index_damaged")]
    [TestCase("""{"version":1,"keyId":"a","current":{"id":"zz","store":"files","spki":""}}""", "index_damaged")]
    [TestCase("""{"version":2,"keyId":"a"}""", "index_version")]
    public void A_damaged_record_is_told(string text, string code) =>
        Assert.That(() => KeyRecordFormat.Read(System.Text.Encoding.UTF8.GetBytes(text), "f"), Throws.TypeOf<ProblemException>().With.Property("Code").EqualTo(code));
}
