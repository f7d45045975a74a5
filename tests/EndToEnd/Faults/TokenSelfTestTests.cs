using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary><c>estprov token selftest</c> with the published binary on a real module.</summary>
public sealed class TokenSelfTestTests
{
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    [Test]
    public void The_self_test_says_what_the_token_can_do_and_leaves_nothing_behind()
    {
        using var device = new Device(_simulator, "device-t");
        var before = device.Token.CountPrivateKeys();
        var (code, output) = device.CommandWithoutDaemons("token", "selftest", "--config", device.At("keyd.toml"));
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Contain("token 'device'"));
        Assert.That(output, Does.Match("EC P-256: generate, ECDSA +yes"));
        Assert.That(output, Does.Match("RSA: OAEP decrypt, SHA-256 +no"));
        Assert.That(output, Does.Match("ec-p256: a key pair in .* ms, .* signatures a second"));
        Assert.That(output, Does.Contain("there is room"));
        Assert.That(output, Does.Contain("--check: nothing is refused"));
        Assert.That(output, Does.Not.Contain(Token.Pin));
        Assert.That(device.Token.CountPrivateKeys(), Is.EqualTo(before));
    }

    [Test]
    public void The_self_test_of_a_token_that_is_not_there_says_why()
    {
        using var device = new Device(_simulator, "device-u");
        device.Edit("keyd", $"slot-id={device.Token.Slot}", "slot-id=7");
        var (code, output) = device.CommandWithoutDaemons("token", "selftest", "--config", device.At("keyd.toml"));
        Assert.That(code, Is.EqualTo(1));
        Assert.That(output, Does.Contain("error: ").And.Contain("slot 7").And.Contain("hint: "));
    }
}
