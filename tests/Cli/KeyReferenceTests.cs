using System.Security.Cryptography;
using System.Text;
using EstProv.Platform;

namespace EstProv.Cli.Tests;

/// <summary>That the file still signs after a rotation is shown with the real keyd, in tests/Tls.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class KeyReferenceTests : IDisposable
{
    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Test]
    public void A_key_that_is_there()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _device.StartKeyd().PublicKeys["device-id"] = key.ExportSubjectPublicKeyInfo();
        Transcript.Check("key-reference", _device, "key", "reference", "device-id");
    }

    [Test]
    public void A_key_that_is_not_there()
    {
        _device.StartKeyd();
        Transcript.Check("key-reference-not-there", _device, "key", "reference", "device-di");
    }

    [Test]
    public void A_key_that_this_user_may_not_use()
    {
        _device.StartKeyd().Refusal = new ProblemException("forbidden", "user 1000 is not authorized to access the key device-id", "list the user in a [[principal]] of keyd.toml", 401);
        Transcript.Check("key-reference-forbidden", _device, "key", "reference", "device-id");
    }

    [Test]
    public void A_kind_of_key_that_the_provider_does_not_take()
    {
        // RFC 8410 section 10.1
        _device.StartKeyd().PublicKeys["ed"] = Convert.FromHexString("302a300506032b657003210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        Transcript.Check("key-reference-ed25519", _device, "key", "reference", "ed");
    }

    [Test]
    public void An_answer_that_is_no_public_key()
    {
        _device.StartKeyd().PublicKeys["device-id"] = [1, 2, 3];
        Transcript.Check("key-reference-bad-answer", _device, "key", "reference", "device-id");
    }

    [Test]
    public void Keyd_that_does_not_run() => Transcript.Check("key-reference-no-keyd", _device, "key", "reference", "device-id");

    [Test]
    public void A_socket_is_asked_and_stands_in_the_file()
    {
        using var key = RSA.Create(2048);
        _device.StartKeyd().PublicKeys["device id"] = key.ExportSubjectPublicKeyInfo();
        var socket = Path.Combine(_device.Folder, "keyd.sock");
        var shown = Transcript.Run(null, ["key", "reference", "device id", "--socket", socket], out var code);
        Assert.That(code, Is.Zero, shown);
        var base64 = string.Concat(shown.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..^1]);
        Assert.That(Encoding.UTF8.GetString(Convert.FromBase64String(base64)), Is.EqualTo($"estprov:id=device%20id?socket={socket}"));
    }
}
