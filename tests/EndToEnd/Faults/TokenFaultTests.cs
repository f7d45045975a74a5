using EstProv.EndToEnd.Tests.Support;

namespace EstProv.EndToEnd.Tests.Faults;

/// <summary>What can be wrong between keyd and its token: told apart, no crash loop, and overcome with no restart where the cause can go away.</summary>
public sealed class TokenFaultTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private SimulatorFixture _simulator = null!;

    [SetUp]
    public void StartSimulator() => _simulator = new SimulatorFixture();

    [TearDown]
    public void StopSimulator() => _simulator.Dispose();

    private static IEnumerable<TestCaseData> ModuleFaults()
    {
        yield return new TestCaseData("/nowhere/module.so", "does not exist").SetArgDisplayNames("missing");
        yield return new TestCaseData("/etc/hostname", "not a").SetArgDisplayNames("not a library");
        // A library of the daemon's own architecture.
        yield return new TestCaseData(Path.Combine(Stage.ProviderFolder, "estprov.so"), "C_GetFunctionList").SetArgDisplayNames("not a PKCS#11 module");
    }

    [TestCaseSource(nameof(ModuleFaults))]
    public void A_module_that_cannot_be_used_is_named_by_check_and_by_the_daemon(string module, string words)
    {
        using var device = new Device(_simulator, "device-m");
        device.Edit("keyd", Token.Module, module);
        var (code, output) = device.Check("keyd");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Not.Zero);
            Assert.That(output, Does.Contain("error:").And.Contain(module).And.Contain(words).And.Contain("hint:"));
        }

        device.StartAll();
        device["certd"].WaitForLine(module, s_patience);
        Assert.That(device["keyd"].HasExited, Is.False, "keyd stays, and would find the module when it comes");
    }

    [Test]
    public void A_slot_that_is_not_there_is_named()
    {
        using var device = new Device(_simulator, "device-m");
        device.Edit("keyd", $"slot-id={device.Token.Slot}", "slot-id=424242");
        var (code, output) = device.Check("keyd");
        Assert.That(code, Is.Not.Zero);
        Assert.That(output, Does.Contain("424242").And.Contain("hint:").And.Not.Contain(Token.Pin + "\""));
    }

    [Test]
    public void A_key_that_is_not_there_is_named_and_a_key_that_comes_later_is_found()
    {
        using var device = new Device(_simulator, "device-m");
        device.Edit("keyd", "object=device%20id", "object=later");
        Assert.That(device.Check("keyd").Output, Does.Contain("later").And.Contain("bootstrap"));
        device.StartAll();
        device["certd"].WaitForLine("no key 'bootstrap'", s_patience);
        device.Token.Rename(Token.KeyLabel, "later");
        device.WaitUntilProvisioned();
    }

    [Test]
    public void A_wrong_pin_is_tried_once_and_not_again_until_the_configuration_changes()
    {
        using var device = new Device(_simulator, "device-p");
        device.SetPin("9999");
        var tries = 0;
        for (var start = 0; start < 3; start++)
        {
            var keyd = device.Start("keyd");
            device.WaitForSocket("keyd");
            if (start == 0)
            {
                device.Start("certd");
                device.Start("identityd");
                device["certd"].WaitForLine("pin_", s_patience);
            }

            tries += keyd.CountLines("pin_incorrect");
            Assert.That(keyd.Output, Does.Not.Contain("9999"), "the PIN is never shown");
            keyd.Kill();
        }

        Assert.That(tries, Is.EqualTo(1), "the token saw the wrong PIN once");
        device.SetPin(Token.Pin);
        device.Start("keyd");
        device.WaitUntilProvisioned();
    }

    [Test]
    public void A_key_without_the_right_to_sign_is_named()
    {
        using var device = new Device(_simulator, "device-m");
        device.Token.MakeDecryptionKey("wrapping");
        device.Edit("keyd", "object=device%20id", "object=wrapping");
        var (code, output) = device.Check("keyd");
        Assert.That(code, Is.Not.Zero);
        Assert.That(output, Does.Contain("sign").And.Contain("bootstrap"));
    }
}
