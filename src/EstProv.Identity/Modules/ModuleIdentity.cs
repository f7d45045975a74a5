using EstProv.Identity.Hub;

namespace EstProv.Identity.Modules;

/// <summary>What a caller is told of a module.</summary>
/// <param name="Age">How long ago the hub said so, where the hub cannot be asked; null for what it says now.</param>
internal sealed record ModuleIdentity(HubDevice Device, string ModuleId, string GenerationId, TimeSpan? Age);

/// <summary>All modules of the device.</summary>
/// <param name="Age">Of the oldest of them, as with <see cref="ModuleIdentity"/>.</param>
internal sealed record ModuleList(HubDevice Device, IReadOnlyList<ModuleIdentity> Modules, TimeSpan? Age);
