using System.Text.Json.Nodes;

namespace EstProv.Simulator.Hub;

/// <summary>
/// Module identities of a device (learn.microsoft.com/rest/api/iothub/service/modules): list, get, create-or-update, delete. A device may do
/// all of it to its own modules, a module may read itself.
/// </summary>
internal sealed class HubModules(DeviceRegistry registry)
{
    private const int MaxModules = 50;
    private const int LongestName = 128;

    public static Task ListAsync(Exchange exchange, HubDevice device)
        => exchange.JsonAsync(200, new JsonArray([.. device.Modules.Select(m => HubJson.Module(device, m))]));

    public static Task GetAsync(Exchange exchange, HubDevice device, string moduleId)
    {
        if (device.Module(moduleId) is not { } module)
        {
            return exchange.ErrorAsync(HubError.ModuleNotFound(moduleId));
        }

        exchange.Http.Response.Headers.ETag = $"\"{module.Etag}\"";
        return exchange.JsonAsync(200, HubJson.Module(device, module));
    }

    /// <summary>Without If-Match it creates, with it it updates.</summary>
    public async Task PutAsync(Exchange exchange, HubDevice device, string moduleId)
    {
        var condition = Condition(exchange, out var malformed);
        if (malformed is not null || !IsName(moduleId))
        {
            await exchange.ErrorAsync(
                malformed ?? HubError.ArgumentInvalid("a module id is up to 128 letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '"));
            return;
        }

        if (await exchange.JsonBodyAsync() is not { } body
            || body["moduleId"]?.ToString() != moduleId
            || (body["deviceId"] is { } given && given.ToString() != device.DeviceId)
            || HubJson.Credential(body["authentication"]) is not { } credential)
        {
            await exchange.ErrorAsync(HubError.ArgumentInvalid("the body is no module identity of this name"));
            return;
        }

        HubError? refusal = null;
        HubModule? result = null;
        var changed = registry.Change(device.DeviceId, before =>
        {
            var old = before?.Module(moduleId);
            refusal = (before, old, condition) switch
            {
                (null, _, _) => HubError.DeviceNotFound(device.DeviceId),
                (_, not null, null) => HubError.ModuleExists(device.DeviceId, device.Hub, moduleId),
                (_, null, null) when before.Modules.Count >= MaxModules => HubError.TooManyModules(),
                (_, _, { } tag) when !tag.Matches(old?.Etag) => HubError.PreconditionFailed(),
                _ => null,
            };
            if (refusal is not null)
            {
                return before;
            }

            result = new HubModule
            {
                ModuleId = moduleId,
                ManagedBy = body["managedBy"]?.ToString() ?? old?.ManagedBy,
                GenerationId = old?.GenerationId ?? registry.NewGeneration(),
                Etag = DeviceRegistry.NewEtag(),
                Authentication = credential,
            };
            return before! with { Modules = [.. before.Modules.Where(m => m.ModuleId != moduleId), result] };
        });
        if (refusal is not null)
        {
            await exchange.ErrorAsync(refusal);
            return;
        }

        exchange.Note = $"module {moduleId} generation {result!.GenerationId}";
        await exchange.JsonAsync(200, HubJson.Module(changed!, result));
    }

    /// <summary>The documentation wants If-Match: the entity tag, or <c>*</c> for whatever there is.</summary>
    public Task DeleteAsync(Exchange exchange, HubDevice device, string moduleId)
    {
        var condition = Condition(exchange, out var malformed);
        HubError? refusal = malformed;
        if (refusal is null)
        {
            registry.Change(device.DeviceId, before =>
            {
                var old = before?.Module(moduleId);
                refusal = (old, condition) switch
                {
                    (null, _) => HubError.ModuleNotFound(moduleId),
                    (_, null) => HubError.PreconditionFailed() with { Detail = "If-Match is missing" },
                    (_, { } tag) when !tag.Matches(old.Etag) => HubError.PreconditionFailed(),
                    _ => null,
                };
                return refusal is null ? before! with { Modules = [.. before.Modules.Where(m => m.ModuleId != moduleId)] } : before;
            });
        }

        return refusal is not null ? exchange.ErrorAsync(refusal) : exchange.AnswerAsync(204, null, []);
    }

    private static EntityTag? Condition(Exchange exchange, out HubError? malformed)
    {
        malformed = null;
        if ((string?)exchange.Request.Headers.IfMatch is not { } header)
        {
            return null;
        }

        if (!EntityTag.TryParse(header, out var tag))
        {
            malformed = HubError.ArgumentInvalid("If-Match is * or a quoted entity tag");
        }

        return tag;
    }

    private static bool IsName(string id)
    {
        foreach (var c in id)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"-.%_*?!(),:=@$'+#".Contains(c, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return id.Length is > 0 and <= LongestName;
    }
}
