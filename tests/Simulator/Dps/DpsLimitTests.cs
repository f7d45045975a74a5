using System.Net;
using EstProv.Simulator.Dps;

namespace EstProv.Simulator.Tests.Dps;

/// <summary>learn.microsoft.com/azure/iot-dps/about-iot-dps, 'Quotas and limits'; status codes after …/how-to-troubleshoot-dps.</summary>
internal sealed class DpsLimitTests
{
    [Test]
    public async Task Registrations_above_the_quota_are_429_until_the_minute_is_over()
    {
        await using var rig = await Rig.StartAsync(static o => o with { DpsLimits = new DpsLimits { RegistrationsPerMinute = 2 } });
        rig.Host.Enrollments.Put(Cloud.SymmetricKey("dev1", 1));
        var client = rig.Client(SimulatorService.Dps);
        var token = Cloud.DpsToken(rig, "dev1", Cloud.Key(1));

        await Cloud.RegisterAsync(client, "dev1", token);
        rig.Host.Clock.Offset = TimeSpan.FromSeconds(20);
        var second = await Cloud.RegisterAsync(client, "dev1", token);
        var third = await Cloud.RegisterAsync(client, "dev1", token);
        rig.Host.Clock.Offset = TimeSpan.FromSeconds(61);
        var later = await Cloud.RegisterAsync(client, "dev1", token);

        Assert.That(((int)second.StatusCode, (int)third.StatusCode, (int)later.StatusCode), Is.EqualTo((202, 429, 202)));
        Assert.That(third.Headers.RetryAfter?.Delta, Is.EqualTo(TimeSpan.FromSeconds(30)).Within(TimeSpan.FromSeconds(11)));
        Assert.That((int?)(await Cloud.JsonAsync(third))["errorCode"], Is.EqualTo(429001));
    }

    [Test]
    public async Task Polls_are_counted_for_each_device()
    {
        await using var rig = await Rig.StartAsync(static o => o with { DpsLimits = new DpsLimits { PollsPerTenSeconds = 2 }, AssigningPolls = 9 });
        var answers = new List<int>();
        foreach (var id in (string[])["dev1", "dev2"])
        {
            rig.Host.Enrollments.Put(Cloud.SymmetricKey(id, 1));
            var client = rig.Client(SimulatorService.Dps);
            var token = Cloud.DpsToken(rig, id, Cloud.Key(1));
            var operation = (await Cloud.JsonAsync(await Cloud.RegisterAsync(client, id, token)))["operationId"];
            var path = $"{Cloud.Scope}/registrations/{id}/operations/{operation}{Cloud.DpsVersion}";
            for (var i = 0; i < 3; i++)
            {
                var poll = await Cloud.SendAsync(client, HttpMethod.Get, path, token: token);
                answers.Add((int)poll.StatusCode);
            }
        }

        Assert.That(answers, Is.EqualTo((int[])[202, 202, 429, 202, 202, 429]));
    }

    [TestCase("GET", "0ne00SIMULA/registrations/dev1/register?api-version=2021-06-01", "PUT")]
    [TestCase("PUT", "0ne00SIMULA/registrations/dev1/operations/x?api-version=2021-06-01", "GET")]
    [TestCase("PUT", "0ne00SIMULA/registrations/dev1?api-version=2021-06-01", "POST")]
    public async Task Another_method_is_405(string method, string path, string allowed)
    {
        await using var rig = await Rig.StartAsync();

        var answer = await Cloud.SendAsync(rig.Client(SimulatorService.Dps), new HttpMethod(method), path);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(answer.Content.Headers.Allow, Is.EqualTo((string[])[allowed]));
    }

    [Test]
    public async Task A_registration_that_is_no_json_is_415()
    {
        await using var rig = await Rig.StartAsync();

        var answer = await Cloud.SendAsync(
            rig.Client(SimulatorService.Dps), HttpMethod.Put, $"{Cloud.Scope}/registrations/dev1/register{Cloud.DpsVersion}", "{}", type: "text/plain");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.UnsupportedMediaType));
    }
}
