using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Handles;

namespace EstProv.Keys.Tests;

public sealed class HandleSealerTests
{
    private readonly HandleSealer _sealer = new(RandomNumberGenerator.GetBytes(32));

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
        Assert.That(Open(new HandleSealer(RandomNumberGenerator.GetBytes(32)).Seal("device-id", []), out _), Is.Null);

    [Test]
    public void The_key_is_kept_and_readable_by_its_owner_only()
    {
        using var folder = new TemporaryFolder();
        var path = folder["handle.key"];
        var handle = HandleSealer.Open(path, out var replaced).Seal("device-id", []);
        Assert.That(replaced, Is.False);
        Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        var again = HandleSealer.Open(path, out _);
        Span<char> id = stackalloc char[HandleSealer.LongestId];
        Assert.That(again.TryOpen(handle, new byte[32], out _, id, out _));
    }

    private string? Open(string handle, out byte[]? scope)
    {
        var room = new byte[HandleSealer.ScopeLength];
        var id = new char[HandleSealer.LongestId];
        var opened = _sealer.TryOpen(handle, room, out var pinned, id, out var length);
        scope = pinned ? room : null;
        return opened ? new string(id, 0, length) : null;
    }
}
