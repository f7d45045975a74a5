using EstProv.Configuration;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;

namespace EstProv.Identity.Tests.Dps;

/// <summary>The custom payload of a registration.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PayloadTests : IDisposable
{
    private readonly TestPki _pki = new("Test CA");
    private readonly string _file = Path.GetTempFileName();
    private readonly TestDps _dps;
    private readonly Device _device;

    public PayloadTests()
    {
        _dps = new TestDps(_pki.Server("localhost"));
        var settings = Device.Dps(_dps.Url) with { PayloadFile = new Positioned<string>(_file, new Position("identityd.toml", 5, 20)) };
        _device = new Device(_pki.Root, settings);
        _device.Certd.Staged = _pki.Device("dev-1");
    }

    public void Dispose()
    {
        _device.Dispose();
        _dps.Dispose();
        File.Delete(_file);
    }

    [TestCase("""{ "model" : "pump", "ü": [1, null, 1.50] }""", """{"registrationId":"dev-1","payload":{"model":"pump","\u00FC":[1,null,1.50]}}""")]
    [TestCase("\"text\"\n", """{"registrationId":"dev-1","payload":"text"}""")]
    public void It_is_sent_as_it_is(string content, string body)
    {
        File.WriteAllText(_file, content);
        _device.Start().UntilSettled();
        Assert.That(_dps.Calls.First().Body, Is.EqualTo(body));
    }

    [Test]
    public void It_is_read_anew_at_each_registration()
    {
        File.WriteAllText(_file, "1");
        _device.Start().UntilSettled();
        File.WriteAllText(_file, "2");
        var asked = _device.Loop.Reprovision();
        _device.Until(now => now.Reprovisions >= asked);
        Assert.That(_dps.Calls.Where(static call => call.Method == "PUT").Select(static call => call.Body[^2]),
            Is.EqualTo(new[] { '1', '2' }));
    }

    [TestCase("", "line 1, byte 1 is not JSON")]
    [TestCase("{\n\"a\": }", "line 2, byte 6 is not JSON", "payload_invalid")]
    [TestCase("1 2", "is not JSON")]
    public void What_is_no_json_is_told_with_its_place_and_read_again(string content, string says, string? message = null)
    {
        File.WriteAllText(_file, content);
        var problem = _device.Start().UntilProblem("payload_invalid").Problem!;
        Assert.That(problem.Message, Does.StartWith("identityd.toml:5:20").And.Contain(_file).And.Contain(says));
        if (message is not null) Message.Shown(message, problem, (_file, "/etc/estprov/payload.json"));
        Assert.That(_dps.Calls, Is.Empty);
        File.WriteAllText(_file, "{}");
        _device.UntilSettled();
    }

    [Test]
    public void A_file_that_is_not_there_or_too_large_is_told()
    {
        File.Delete(_file);
        var missing = _device.Start().UntilProblem("payload_unreadable").Problem!;
        Assert.That(missing.Message, Does.Contain("there is no such file"));
        Message.Shown("payload_unreadable", missing, (_file, "/etc/estprov/payload.json"));
        // In one step: it is read all the time.
        File.WriteAllText(_file + ".new", new string(' ', 70_000) + "1");
        File.Move(_file + ".new", _file);
        Assert.That(_device.UntilProblem("payload_invalid").Problem!.Message, Does.Contain("larger than 64 KiB"));
        File.WriteAllText(_file, "1");
        _device.UntilSettled();
    }
}
