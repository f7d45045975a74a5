using EstProv.Identity.Hub;

namespace EstProv.Identity.Modules;

/// <summary>SAS tokens, by keys that are derived from the master identity key.</summary>
internal sealed class DerivedKeys(ModuleKeys keys) : ModuleCredential
{
    public override string Mark => keys.Mark();

    public override ModuleAuthentication For(HubModule module) => keys.Export(module.ModuleId, module.GenerationId);
}
