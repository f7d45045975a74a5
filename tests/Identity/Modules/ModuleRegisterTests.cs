using EstProv.Identity.Hub;
using EstProv.Identity.Modules;
using EstProv.LocalApi;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Identity.Tests.Modules;

/// <summary>Answers of the hub's that come late: a caller asks while a module is being made, changed or removed.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ModuleRegisterTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 28, 0, 0, 0, TimeSpan.Zero);
    private static readonly HubDevice s_device = new("hub.example", "hub.example", "dev-1");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();
    private readonly ModuleRegister _register;

    public ModuleRegisterTests()
    {
        _register = new ModuleRegister(new ModuleFile(_folder.FullName), new ModuleEvents(NullLogger.Instance, new ChangeFeed(TimeProvider.System)));
        _register.Put(s_device, new KnownModule { ModuleId = "firmware", GenerationId = "", IsHosts = true, Seen = s_now });
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Test]
    public void One_that_was_missed_before_it_was_made_is_still_ours_to_remove()
    {
        var asked = _register.Turn;
        Made("1");
        _register.Missed(s_device, "firmware", asked);
        Assert.That(Found(), Is.EqualTo(("1", true)));
    }

    [Test]
    public void One_that_an_older_list_lacks_is_still_ours_to_remove()
    {
        var asked = _register.Turn;
        Made("1");
        _register.Replace(s_device, [], asked, s_now);
        Assert.That(Found(), Is.EqualTo(("1", true)));
    }

    [Test]
    public void One_that_an_older_answer_shows_under_its_generation_of_before_is_as_it_is_now()
    {
        Made("1");
        var asked = _register.Turn;
        _register.Remove(s_device, "firmware");
        _register.Put(s_device, new KnownModule { ModuleId = "firmware", GenerationId = "", IsHosts = true, Seen = s_now });
        Made("2");
        _register.Saw(s_device, Module("1"), asked, s_now);
        _register.Replace(s_device, [Module("1")], asked, s_now);
        Assert.That(Found(), Is.EqualTo(("2", true)));
    }

    [Test]
    public void One_that_was_removed_does_not_come_back_by_an_older_answer()
    {
        Made("1");
        var asked = _register.Turn;
        _register.Remove(s_device, "firmware");
        _register.Saw(s_device, Module("1"), asked, s_now);
        _register.Replace(s_device, [Module("1")], asked, s_now);
        Assert.That(_register.Find(s_device, "firmware"), Is.Null);
    }

    [Test]
    public void What_is_asked_afterwards_counts()
    {
        Made("1");
        _register.Saw(s_device, Module("2"), _register.Turn, s_now);
        Assert.That(Found(), Is.EqualTo(("2", false)), "somebody made it anew");
        _register.Missed(s_device, "firmware", _register.Turn);
        Assert.That(_register.Find(s_device, "firmware"), Is.Null);
    }

    private void Made(string generation) => _register.Changed(s_device, Module(generation), "mark", s_now);

    private (string? Generation, bool IsHosts) Found()
    {
        var known = _register.Find(s_device, "firmware");
        return (known?.GenerationId, known?.IsHosts ?? false);
    }

    private static HubModule Module(string generation) => HubModule.Read(System.Text.Encoding.UTF8.GetBytes(
        $$"""{"moduleId":"firmware","deviceId":"dev-1","generationId":"{{generation}}","etag":"e"}"""), "dev-1")!;
}
