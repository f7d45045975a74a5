using EstProv.Identity.Hub;

namespace EstProv.Identity.Tests.Hub;

public sealed class SecretBodyTests
{
    [Test]
    public void Nothing_of_it_stays_behind()
    {
        var body = new SecretBody();
        "secret"u8.CopyTo(body.GetSpan(6));
        body.Advance(6);
        var room = body.GetMemory()[..1];
        var sent = body.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
        Assert.That(sent, Is.EqualTo("secret"u8.ToArray()));
        "x"u8.CopyTo(room.Span);
        using var content = body.Content.ReadAsStream();
        body.Dispose();
        Assert.That(content.ReadByte(), Is.Zero);
        Assert.That(room.Span[0], Is.Zero);
    }

    [Test]
    public void It_never_grows()
    {
        using var body = new SecretBody();
        Assert.That(() => body.GetSpan(5000), Throws.InvalidOperationException);
        Assert.That(() => body.Advance(5000), Throws.TypeOf<ArgumentOutOfRangeException>());
    }
}
