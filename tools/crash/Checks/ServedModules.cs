using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using EstProv.Crash.Device;
using EstProv.Simulator.Hub;

namespace EstProv.Crash.Checks;

/// <summary>Module identities as the device serves them, beside what the hub has.</summary>
internal sealed class ServedModules(LocalClient identityd, LocalClient keyd)
{
    /// <summary>Null when identityd serves the module and keyd signs through its handle, as far as can be seen without the hub.</summary>
    public string? FaultOf(string name) => Ask(name, out _, out _);

    /// <summary>Null when the hub has these modules and no others, and what the device signs with is what the hub knows of each.</summary>
    public string? FaultOfAll(IReadOnlyList<string> names, HubDevice? device)
    {
        if (device is null) return "the hub does not know the device";
        var there = string.Join(", ", device.Modules.Select(m => m.ModuleId).Order(StringComparer.Ordinal));
        var wanted = string.Join(", ", names.Order(StringComparer.Ordinal));
        if (there != wanted) return $"the hub has the modules '{there}', expected are '{wanted}'";
        foreach (var module in device.Modules)
        {
            if (Ask(module.ModuleId, out var generation, out var signature) is { } fault) return fault;
            if (generation != module.GenerationId)
                return $"{module.ModuleId} is served with generation {generation}, the hub has {module.GenerationId}";
            if (module.Authentication is not { PrimaryKey: { Length: > 0 } key, SecondaryKey.Length: > 0 })
                return $"the hub has no keys of {module.ModuleId}";
            if (!HMACSHA256.HashData(Convert.FromBase64String(key), Message).AsSpan().SequenceEqual(signature))
                return $"the hub has another key of {module.ModuleId} than the device signs with";
        }

        return null;
    }

    private static byte[] Message { get; } = RandomNumberGenerator.GetBytes(40);

    private string? Ask(string name, out string? generation, out byte[] signature)
    {
        (generation, signature) = (null, []);
        if (identityd.Ask($"/identities/modules/{name}?type=aziot") is not { } answer) return "identityd does not answer";
        if (answer.Status != HttpStatusCode.OK) return $"identityd answers {(int)answer.Status} for module {name}: {answer.Body}";
        var spec = answer.Body.GetProperty("spec");
        generation = spec.GetProperty("genId").GetString();
        var keyHandle = spec.GetProperty("auth").GetProperty("keyHandle").GetString();
        var parameters = new { message = Convert.ToBase64String(Message) };
        var request = JsonSerializer.Serialize(new { keyHandle, algorithm = "HMAC-SHA256", parameters });
        if (keyd.Ask("/sign", request) is not { } signed) return "keyd does not answer";
        if (signed.Status != HttpStatusCode.OK) return $"keyd does not sign for module {name}: {signed.Body}";
        signature = Convert.FromBase64String(signed.Body.GetProperty("signature").GetString()!);
        return null;
    }
}
