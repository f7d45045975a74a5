using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Handles;
using EstProv.Messages;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.Tests;

public sealed class HandleSealerTests
{
    private TemporaryFolder _folder = null!;
    private HandleSealer _sealer = null!;

    [SetUp]
    public void MakeSealer()
    {
        _folder = new TemporaryFolder();
        _sealer = In(_folder["home"]);
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase("device-id")]
    [TestCase("gerät/../%")]
    [TestCase("x")]
    public void A_handle_opens_to_its_key_id_and_scope(string id)
    {
        Assert.That(Open(_sealer.Seal(id, []), out var scope), Is.EqualTo(id));
        Assert.That(scope, Is.Null);
        var hash = SHA256.HashData("spki"u8);
        Assert.That(Open(_sealer.Seal(id, hash), out scope), Is.EqualTo(id));
        Assert.That(scope, Is.EqualTo(hash));
    }

    [Test]
    public void The_longest_key_id_fits()
    {
        var id = new string('x', HandleSealer.LongestId);
        Assert.That(Open(_sealer.Seal(id, SHA256.HashData("spki"u8)), out _), Is.EqualTo(id));
    }

    [Test]
    public void No_changed_character_passes()
    {
        var handle = _sealer.Seal("device-id", SHA256.HashData("spki"u8));
        for (var i = 0; i < handle.Length; i++)
        {
            foreach (var other in "Az0-_.=\n")
            {
                if (handle[i] == other) continue;
                var changed = handle[..i] + other + handle[(i + 1)..];
                // The last character of base64url may carry bits that are not part of the value.
                if (i == handle.Length - 1 && Open(changed, out _) is not null) Assert.Fail($"{changed} opens");
                Assert.That(Open(changed, out _), Is.Null, changed);
            }

            Assert.That(Open(handle[..i], out _), Is.Null);
        }

        Assert.That(Open(handle + "A", out _), Is.Null);
    }

    [Test]
    public void Another_services_handle_is_refused() =>
        Assert.That(Open(In(_folder["another"]).Seal("device-id", []), out _), Is.Null);

    [Test]
    public void The_key_is_kept_and_readable_by_its_owner_only()
    {
        var handle = In(_folder["home"]).Seal("device-id", []);
        Assert.That(File.GetUnixFileMode(_folder["home/handle.key"]), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(Open(In(_folder["home"]), handle, out _), Is.EqualTo("device-id"));
    }

    [Test]
    public void A_damaged_key_is_replaced_and_handles_of_before_are_void()
    {
        var handle = In(_folder["home"]).Seal("device-id", []);
        File.WriteAllText(_folder["home/handle.key"], "short");
        var sealer = In(_folder["home"]);
        Assert.That(Open(sealer, handle, out _), Is.Null);
        Assert.That(Open(sealer, sealer.Seal("device-id", []), out _), Is.EqualTo("device-id"));
    }

    [Test]
    public void A_key_that_cannot_be_written_is_told_and_tried_again()
    {
        File.WriteAllText(_folder["elsewhere"], "a file where the folder should be");
        var sealer = In(_folder["elsewhere"]);
        var told = Assert.Throws<ProblemException>(() => sealer.Seal("device-id", []))!;
        Message.Shown("state_folder", told, (_folder["elsewhere"], "/var/lib/estprov/keyd"));
        File.Delete(_folder["elsewhere"]);
        Assert.That(Open(sealer, sealer.Seal("device-id", []), out _), Is.EqualTo("device-id"));
    }

    private static HandleSealer In(string home) => new(new HandleKey(new StateFolder(home), NullLogger.Instance));

    private string? Open(string handle, out byte[]? scope) => Open(_sealer, handle, out scope);

    private static string? Open(HandleSealer sealer, string handle, out byte[]? scope)
    {
        var room = new byte[HandleSealer.ScopeLength];
        var id = new char[HandleSealer.LongestId];
        var opened = sealer.TryOpen(handle, room, out var pinned, id, out var length);
        scope = pinned ? room : null;
        return opened ? new string(id, 0, length) : null;
    }
}
