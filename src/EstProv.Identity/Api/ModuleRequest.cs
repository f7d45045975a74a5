using System.Text.Json;
using EstProv.LocalApi;
using EstProv.Platform;

namespace EstProv.Identity.Api;

/// <summary>The body of <c>POST</c> and <c>PUT /identities/modules</c>.</summary>
/// <param name="Type"><c>aziot</c> or <c>local</c>; null where the body of a PUT has none.</param>
/// <param name="ManagedBy">Who looks after the module; null for nobody.</param>
/// <param name="IsServer">Of a local identity: <c>localIdOpts.attributes</c> is <c>server</c>.</param>
internal sealed record ModuleRequest(string? Type, string? ModuleId, string? ManagedBy, bool IsServer)
{
    private const int LongestName = 128;

    /// <exception cref="JsonException">A member of a wrong type.</exception>
    /// <exception cref="ProblemException"><c>local_id_options</c> 400.</exception>
    public static ModuleRequest Read(JsonElement root)
    {
        var options = root.OptionalObject("localIdOpts");
        return new ModuleRequest(root.OptionalText("type"), root.OptionalText("moduleId"), root.OptionalText("managedBy"),
            options is { } given && ReadServer(given));
    }

    /// <summary>A name that IoT Hub takes: at most 128 ASCII letters, digits and <c>- . + % _ # * ? ! ( ) , : = @ $ '</c>.</summary>
    /// <exception cref="ProblemException"><c>module_id</c> 400.</exception>
    public static string CheckName(string name, string field = "moduleId")
    {
        var isName = name.Length is > 0 and <= LongestName;
        foreach (var character in name)
            isName &= char.IsAsciiLetterOrDigit(character) || "-.+%_#*?!(),:=@$'".Contains(character, StringComparison.Ordinal);
        return isName ? name : throw new ProblemException("module_id", $"{field} is not what IoT Hub takes for a name",
            $"use 1 to {LongestName} letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '", 400);
    }

    private static bool ReadServer(JsonElement options)
    {
        if (options.OptionalText("type") is { } type && type != "x509") throw Options("type", "x509");
        return options.OptionalText("attributes") switch
        {
            null or "client" => false,
            "server" => true,
            _ => throw Options("attributes", "client' or 'server"),
        };
    }

    private static ProblemException Options(string name, string allowed)
        => new("local_id_options", $"the value of localIdOpts.{name} is not known", $"it is '{allowed}'", 400);
}
