namespace EdgeSdk.Modeling;

internal static class LatentDecoder
{
    public static DecoderGraph Build(Checkpoint checkpoint) => throw checkpoint.Config.Invalid("model_type", "not yet");
}
