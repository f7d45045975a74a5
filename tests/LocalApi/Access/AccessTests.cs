using EstProv.LocalApi.Access;
using EstProv.LocalApi.Server;
using EstProv.LocalApi.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.LocalApi.Tests.Access;

public sealed class AccessTests
{
    [TestCase("*", "", true)]
    [TestCase("*", "anything", true)]
    [TestCase("device-id", "device-id", true)]
    [TestCase("device-id", "device-id2", false)]
    [TestCase("device-?", "device-1", true)]
    [TestCase("device-?", "device-", false)]
    [TestCase("aziot_identityd_*", "aziot_identityd_", true)]
    [TestCase("aziot_identityd_*", "aziot_certd_x", false)]
    [TestCase("*-id", "est-id-id", true)]
    [TestCase("a*b*c", "aXXbYYc", true)]
    [TestCase("a*b*c", "aXXcYYb", false)]
    [TestCase("", "", true)]
    [TestCase("", "a", false)]
    [TestCase("Device-Id", "device-id", false)]
    public void Wildcards_match(string pattern, string text, bool matches) => Assert.That(Wildcard.Matches(pattern, text), Is.EqualTo(matches));

    [Test]
    public void A_hostile_text_costs_no_more_than_its_length() =>
        Assert.That(Wildcard.Matches("a*a*a*a*a*a*a*a*a*a*b", new string('a', 256)), Is.False);

    [Test]
    public void Denials_fill_no_log()
    {
        var time = new FakeTimeProvider();
        var limiter = new DenialLimiter(time);
        var logged = Enumerable.Range(0, 100).Count(_ => limiter.MayLog(7, out var _));
        Assert.That(logged, Is.EqualTo(5));
        Assert.That(limiter.MayLog(8, out _), "another uid");
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.That(limiter.MayLog(7, out var suppressed));
        Assert.That(suppressed, Is.EqualTo(95));
        Assert.That(limiter.MayLog(7, out _), Is.False);
    }

    [Test]
    public void A_denial_names_who_what_and_the_command()
    {
        var logger = new CapturingLogger();
        new DenialLog(logger, TimeProvider.System).Denied(new PeerCredentials(1000, 1000, Environment.ProcessId), "use the key 'device-id'");
        var command = File.ReadAllText("/proc/self/comm").TrimEnd();
        Assert.That(logger.Lines.Single(), Is.EqualTo(
            $"Warning: denied: user 1000 (pid {Environment.ProcessId}, command '{command}') may not use the key 'device-id' (0 denials not logged before) (code=forbidden)"));
    }

    [Test]
    public void A_process_that_is_gone_has_no_name() => Assert.That(CommandName.Of(int.MaxValue), Is.EqualTo("?"));

    [Test]
    public void Neither_a_commands_name_nor_a_keys_can_forge_a_line()
    {
        var before = File.ReadAllText("/proc/self/comm");
        try
        {
            File.WriteAllText("/proc/self/comm", "x\nERROR\u001b[2J");
            var logger = new CapturingLogger();
            new DenialLog(logger, TimeProvider.System).Denied(new PeerCredentials(1, 1, Environment.ProcessId), "use the key 'a\r\nb\u0085c\u2028d" + new string('e', 4000) + "'");
            var line = logger.Lines.Single();
            Assert.Multiple(() =>
            {
                Assert.That(line.Any(char.IsControl), Is.False);
                Assert.That(line, Does.Contain("command 'x·ERROR·[2J'").And.Contain("'a··b·c·d").And.Contain("…"));
                Assert.That(line, Has.Length.LessThan(400));
            });
        }
        finally
        {
            File.WriteAllText("/proc/self/comm", before);
        }
    }
}
