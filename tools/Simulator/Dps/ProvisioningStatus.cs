namespace EstProv.Simulator.Dps;

/// <summary>Whether the devices of an enrolment may register.</summary>
public enum ProvisioningStatus
{
    Enabled,
    Disabled,
}
