namespace EstProv.Identity.Hub;

/// <summary>A device in its hub, and where it is reached.</summary>
/// <param name="Hub">The hub's host name, with a port where it is not 443.</param>
/// <param name="Gateway">The host that takes its requests: the parent of a nested device, else the hub itself.</param>
internal sealed record HubDevice(string Hub, string Gateway, string DeviceId)
{
    /// <summary>What a SAS token of the device is for.</summary>
    public string Resource => $"{Hub}/devices/{DeviceId}";

    public Uri Root => new($"https://{Gateway}/");

    public Uri ModulesUrl => At("modules");

    public Uri ModuleUrl(string moduleId) => At("modules/" + Uri.EscapeDataString(moduleId));

    private Uri At(string what)
        => new($"https://{Gateway}/devices/{Uri.EscapeDataString(DeviceId)}/{what}?api-version={HubClient.ApiVersion}");
}
