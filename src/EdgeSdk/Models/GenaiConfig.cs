using System.Text.Json;

namespace EdgeSdk.Models;

/// <summary>The fields of onnxruntime-genai's <c>genai_config.json</c> that are read and written here.</summary>
/// <remarks>Properties with defaults are settable: the source generator would set an <c>init</c> one that a file lacks to null.</remarks>
internal sealed record GenaiConfig
{
    /// <summary>What the file is called.</summary>
    public const string FileName = "genai_config.json";

    public required ModelSection Model { get; init; }

    public SearchSection? Search { get; init; }

    internal sealed record ModelSection
    {
        public int? BosTokenId { get; init; }

        public required int ContextLength { get; init; }

        public required DecoderSection Decoder { get; init; }

        /// <summary>A number or a list of numbers.</summary>
        public JsonElement EosTokenId { get; init; }

        public int? PadTokenId { get; init; }

        public required string Type { get; init; }

        public required int VocabSize { get; init; }
    }

    internal sealed record DecoderSection
    {
        public SessionSection? SessionOptions { get; init; }

        public required string Filename { get; init; }

        public int HeadSize { get; init; }

        public int HiddenSize { get; init; }

        public InputSection Inputs { get; set; } = new();

        public OutputSection Outputs { get; set; } = new();

        public int NumAttentionHeads { get; init; }

        public required int NumHiddenLayers { get; init; }

        public int NumKeyValueHeads { get; init; }

        public JsonElement? Pipeline { get; init; }

        public JsonElement? SlidingWindow { get; init; }
    }

    internal sealed record SessionSection
    {
        public string? LogId { get; init; }

        public IReadOnlyList<JsonElement>? ProviderOptions { get; init; }
    }

    /// <summary>Names of the graph's inputs; <c>%d</c> stands for the layer. Without a name the graph has no such input.</summary>
    internal sealed record InputSection
    {
        public string InputIds { get; set; } = "input_ids";

        public string? AttentionMask { get; init; }

        public string? PositionIds { get; init; }

        public string PastKeyNames { get; set; } = "past_key_values.%d.key";

        public string PastValueNames { get; set; } = "past_key_values.%d.value";
    }

    /// <summary>Names of its outputs.</summary>
    internal sealed record OutputSection
    {
        public string Logits { get; set; } = "logits";

        public string PresentKeyNames { get; set; } = "present.%d.key";

        public string PresentValueNames { get; set; } = "present.%d.value";
    }

    /// <summary>How genai generates where its caller does not say; EdgeSdk reads none of it.</summary>
    internal sealed record SearchSection
    {
        public bool DoSample { get; init; }

        public required int MaxLength { get; init; }

        public bool PastPresentShareBuffer { get; init; }

        public double? Temperature { get; init; }

        public int? TopK { get; init; }

        public double? TopP { get; init; }
    }
}
